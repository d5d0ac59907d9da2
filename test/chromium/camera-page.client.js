// What a page does with cameras: it lists them, shows one, and looks at what it shows.
const shown = [];

async function list() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind }) => kind === "videoinput")
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
}

async function open(deviceId) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { deviceId: { exact: deviceId } },
    });
  } catch (error) {
    throw new Error(`${error.name}: ${error.message}`);
  }
  const [track] = stream.getVideoTracks();
  const video = document.createElement("video");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const one = { track, frames: 0, pixel: undefined, size: undefined };
  const look = () => {
    one.frames++;
    const { videoWidth: width, videoHeight: height } = video;
    [canvas.width, canvas.height, one.size] = [width, height, [width, height]];
    context.drawImage(video, 0, 0);
    one.pixel = [...context.getImageData(width >> 1, height >> 3, 1, 1).data].slice(0, 3);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  video.muted = true;
  video.srcObject = stream;
  document.body.append(video);
  // Resolves with the first frame, which may never come.
  video.play().catch(() => {});
  shown.push(one);
  return shown.length - 1;
}

function look(index) {
  const { track, frames, pixel, size } = shown[index];
  return { state: track.readyState, frames, pixel, size };
}

function stop(index) {
  shown[index].track.stop();
  document.querySelectorAll("video")[index].hidden = true;
}

Object.assign(window, { cameras: { list, open, look, stop } });
