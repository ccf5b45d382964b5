// Writes ../assets/plotly.min.js: Plotly with the traces of entry.js only, which a browser starts in half the time of the whole library;
// and beside it the licences of all packages of which there is code in it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";
import { environmentPlugin } from "esbuild-plugin-environment";
import { glsl } from "esbuild-plugin-glsl";
import inlineCss from "esbuild-plugin-inline-css";

const ASSETS = "../assets";
const OUT = join(ASSETS, "plotly.min.js");

function packageOf(input) {
  const found = input.match(/^(node_modules\/(?:@[^/]+\/)?[^/]+)\//);
  return found && found[1];
}

function licence(folder) {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const texts = readdirSync(folder).filter((name) => /^(licen[cs]e|copying)/i.test(name)).sort();
  const text = texts.map((name) => readFileSync(join(folder, name), "utf8").trim()).join("\n\n");
  return `${about.name} ${about.version} (${about.license})\n\n${text || "Its package has no text of the licence."}\n`;
}

const plotly = JSON.parse(readFileSync("node_modules/plotly.js/package.json", "utf8"));
const result = await build({
  entryPoints: ["entry.js"],
  outfile: OUT,
  format: "iife",
  globalName: "Plotly",
  bundle: true,
  minify: true,
  legalComments: "none",
  banner: { js: `/* plotly.js ${plotly.version}, MIT licence; built by report/page/library, licences in plotly.licenses.txt */` },
  plugins: [inlineCss(), glsl({ minify: true }), environmentPlugin({ NODE_DEBUG: false })],
  alias: { stream: "stream-browserify" },
  define: { global: "window", "define.amd": "false" },
  target: "es2022",
  metafile: true,
});
const [output] = Object.values(result.metafile.outputs);
const used = Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
const folders = [...new Set(used.map(([input]) => packageOf(input)).filter(Boolean))].sort();
writeFileSync(join(ASSETS, "plotly.licenses.txt"), folders.map(licence).join(`\n${"-".repeat(80)}\n\n`));
console.log(`${OUT}: ${(readFileSync(OUT).length / 1e6).toFixed(2)} MB out of ${folders.length} packages`);
