/** How long AWS may keep a function waiting. The SDK's own clients wait for ever, and then only the function's end ends that. */

/** In milliseconds: until a connection stands, and between two signs of life on it. Then the SDK tries again. */
export const AWS_PATIENCE = { connectionTimeout: 5_000, socketTimeout: 20_000 };
