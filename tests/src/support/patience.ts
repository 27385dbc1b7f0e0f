/** The setup of a cache whose deadlines are not the matter: one missed on a busy machine is not a broken promise. */
export const PATIENT = { readTimeout: '20s', writeTimeout: '20s' } as const
