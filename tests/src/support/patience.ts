/** Options for a cache in tests that are not about timeouts, so that a busy machine does not fail them. */
export const PATIENT = { readTimeout: '20s', writeTimeout: '20s' } as const
