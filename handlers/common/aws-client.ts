/** Options of all AWS SDK clients. */

/**
 * SDK clients have no timeout by default. A request is retried when connecting takes longer than 5 s, or when the
 * connection is idle for 20 s.
 */
export const AWS_CLIENT = { maxAttempts: 5, requestHandler: { connectionTimeout: 5_000, socketTimeout: 20_000 } };
