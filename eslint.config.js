import js from "@eslint/js";

const browser = [
  "AbortController", "CustomEvent", "Element", "ImageData", "Intl", "OffscreenCanvas", "ResizeObserver",
  "TextDecoder", "URL", "clearInterval", "clearTimeout", "document", "getComputedStyle", "performance",
  "setInterval", "setTimeout", "window",
];
const node = ["TextEncoder", "TextDecoder", "URL", "process"];
const known = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

export default [
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "max-lines": ["error", 250],
      "no-alert": "error",
      "no-console": "error",
      "no-eval": "error",
      "no-implicit-coercion": ["error", { allow: ["!!"] }],
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-param-reassign": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Text from outside is data: use textContent." },
        { property: "outerHTML", message: "Text from outside is data: use textContent." },
        { property: "insertAdjacentHTML", message: "Text from outside is data: use textContent." },
      ],
      "no-shadow": "error",
      "no-unused-vars": "error",
      "no-useless-return": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["moe_viz/components/**/*.js"], languageOptions: { globals: known(browser) } },
  { files: ["tests/js/**/*.mjs"], languageOptions: { globals: known(node) } },
];
