// The page's texts with a contrast below 4.5 to 1, and the number of all texts
// (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio). It supports only opaque colours, and throws for others.
(() => {
  const channels = (colour) => {
    const match = /^rgba?\(([^)]*)\)$/.exec(colour);
    if (match === null) throw new Error(`a colour that is not known here: ${colour}`);
    const [red, green, blue, alpha = 1] = match[1].split(/[\s,/]+/).map(Number);
    if (alpha !== 0 && alpha !== 1) throw new Error(`a translucent colour: ${colour}`);
    return alpha === 0 ? undefined : [red, green, blue];
  };
  const luminance = (colour) => {
    const [red, green, blue] = colour.map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour !== undefined) return colour;
    }
    return [255, 255, 255];
  };
  const owns = (element) =>
    [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.nodeValue.trim() !== "",
    );
  const poor = [];
  let texts = 0;
  for (const element of document.body.querySelectorAll("*")) {
    if (element.tagName === "SCRIPT" || !owns(element) || !element.checkVisibility()) continue;
    texts++;
    const [light, dark] = [channels(getComputedStyle(element).color), behind(element)]
      .map(luminance)
      .sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) poor.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return { texts, poor };
})();
