export { type Addresses, createHomeserver, type Homeserver, type HomeserverOptions } from './homeserver.ts'
export { StartError } from './start-error.ts'
