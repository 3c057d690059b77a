/** A Python that has Synapse: the gate makes one. */
export const SYNAPSE = process.env.HOMEROOM_TEST_SYNAPSE
