export { type Addresses, createHomeserver, type Homeserver, type HomeserverOptions } from './homeserver/homeserver.ts'
export { StartError } from './host/start-error.ts'
