import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { precompress } from "./precompress.ts";

export default defineConfig({
  plugins: [svelte(), precompress()],
  build: {
    target: "es2022",
    // The page's policy allows no inline code and no data: scripts; everything is a file of its own name.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
  test: { include: ["src/**/*.test.ts"] },
});
