/**
 * Node's module of HTTP. An `import` of its values reads all its exports, and one of them, `WebSocket`, loads a second HTTP client: 17 MB that nobody
 * needs. Types may be imported.
 */
export const nodeHttp = process.getBuiltinModule('node:http')
