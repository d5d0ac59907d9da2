/**
 * Constants of the device plugin API
 * (k8s.io/kubelet, pkg/apis/deviceplugin/v1beta1/constants.go).
 */

/** The only version there is. */
export const apiVersion = "v1beta1";
