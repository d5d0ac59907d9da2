/** The simulated driver as others see it: nothing outside this folder imports any other of its files. */
export { faultsDirectory } from "./faults.ts";
export { SimulatedDriver } from "./simulated-driver.ts";
export { nullDevice } from "./simulated-node.ts";
export { SimulatedSysfs } from "./simulated-sysfs.ts";
export { SimulatedUsb, simulatedWebcams } from "./simulated-webcams.ts";
