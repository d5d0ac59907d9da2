/**
 * Devices with hardware behind them, as others see them: nothing outside this folder imports any other of its files. What
 * devices the node has (`list-cameras.ts`), and how they are asked without a risk for the one who asks
 * (`query-nodes.ts` in this process, `answer-queries.ts` in its child).
 */
export { answerQueries, type QueryLine } from "./answer-queries.ts";
export { type Asking, type CameraNode, listCameras, mainNode } from "./list-cameras.ts";
export { type NodeAnswer, queryNodes } from "./query-nodes.ts";
