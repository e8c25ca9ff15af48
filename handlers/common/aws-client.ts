/** How every function calls AWS. */

/**
 * Options of the SDK's clients. These wait for ever by themselves, and only the function's end would end that: so at most so
 * many milliseconds until a connection stands, and between two signs of life on it, then it is tried again.
 */
export const AWS_CLIENT = { maxAttempts: 5, requestHandler: { connectionTimeout: 5_000, socketTimeout: 20_000 } };
