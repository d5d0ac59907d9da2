import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";

/** `/package.Service/Method`, as gRPC puts it into `:path`. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/**
 * A serializer that accepts a message or its init shape, so that handlers may return plain objects
 * (grpc-js answers INTERNAL to what the serializer rejects).
 */
export function serializer(desc: DescMessage): (value: object) => Buffer {
  return (value) => {
    const message: Message = create(desc, value as MessageInitShape<DescMessage>);
    const bytes = toBinary(desc, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

/** The counterpart of {@link serializer}. */
export function deserializer(desc: DescMessage): (bytes: Buffer) => Message {
  return (bytes) => fromBinary(desc, bytes);
}

/** grpc-js' definition of one method, made from its protobuf-es descriptor. */
function methodDefinition(method: DescMethod): MethodDefinition<object, object> {
  return {
    path: methodPath(method),
    requestStream:
      method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream:
      method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: serializer(method.input),
    requestDeserialize: deserializer(method.input),
    responseSerialize: serializer(method.output),
    responseDeserialize: deserializer(method.output),
    originalName: method.localName,
  };
}

/** grpc-js' definition of a service, keyed by the methods' local names. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method) => [method.localName, methodDefinition(method)]),
  );
}
