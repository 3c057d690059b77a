/** Text from outside that no database can hold, and that therefore names nothing that is held. Layers that may not import each other recognise it by its name. */
export const isUnstorable = (error: unknown): boolean => error instanceof Error && error.name === 'UnstorableText'
