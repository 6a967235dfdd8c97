// Reads an AsyncAPI document by the official parser; prints as JSON what it understood and what it
// complains of, from errors to hints.
import { Parser, fromFile } from "@asyncapi/parser";

const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();

const channels = (document?.channels().all() ?? []).map((channel) => ({
  id: channel.id(),
  address: channel.address(),
  messages: channel.messages().all().map((message) => ({
    id: message.id(),
    name: message.name(),
    contentType: message.contentType(),
    payload: message.payload()?.id(),
    hasKey: message.bindings().get("kafka")?.value().key !== undefined,
    examples: message.examples().all().map((example) => example.payload()),
  })),
}));

const operations = (document?.operations().all() ?? []).map((operation) => ({
  id: operation.id(),
  action: operation.action(),
  channels: operation.channels().all().map((channel) => channel.id()),
  messages: operation.messages().all().map((message) => message.id()),
}));

const complaints = diagnostics.map(({ code, message, path, severity }) => ({
  code, message, path: path.join("."), severity,
}));

console.log(JSON.stringify({ complaints, version: document?.version(), channels, operations }));
