import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    maxWorkers: "100%",
    // Limits end what hangs, and measure nothing: machines with much to do are given their time.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
