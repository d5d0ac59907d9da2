/** The simulated driver as others see it. */
export { FAULTS_DIRECTORY } from "./faults.ts";
export { SimulatedDriver } from "./simulated-driver.ts";
