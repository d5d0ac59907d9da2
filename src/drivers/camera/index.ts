/**
 * Devices with hardware behind them, as others see them: nothing outside this folder imports any other of its files. What
 * devices the node has (`list-cameras.ts`), which of them a pool offers under which names (`camera-driver.ts`), and how they
 * are asked without a risk for the one who asks (`ask-nodes.ts` in this process, `questions.ts` in its child).
 */
export { askNodes } from "./ask-nodes.ts";
export { CameraCatalog } from "./camera-catalog.ts";
export { CameraDriver } from "./camera-driver.ts";
export { cameraMemoryFile, type RememberedCamera } from "./camera-memory.ts";
export type { CameraPlaces, CameraPoolSettings } from "./camera-settings.ts";
export { linksFor, traitsOf, whyNotIn } from "./find-pool.ts";
export { linuxCameras } from "./linux-cameras.ts";
export { type Asking, type CameraNode, listCameras, mainNode } from "./list-cameras.ts";
export { withMemory } from "./name-cameras.ts";
export { cameraReasons } from "./observe-camera.ts";
export { answerQuestion, type Question, questions } from "./questions.ts";
