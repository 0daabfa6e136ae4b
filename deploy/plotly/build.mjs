// Builds our Plotly bundle:  npm ci && npm run build
//
// Three things leave the library before it is bundled: the dialog, the call and the address by which a
// chart can be uploaded to its maker's cloud; the components that no chart of ours has; the descriptions
// of its attributes.  A change of the library that makes one of these edits miss stops the build.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "node_modules", "plotly.js");
const target = join(here, "..", "..", "static", "vendor", "plotly");
const version = JSON.parse(readFileSync(join(source, "package.json"), "utf8")).version;

const UNUSED = ["annotations3d", "images", "updatemenus", "sliders", "rangeslider", "rangeselector"];

function edit(text, before, after) {
  if (!text.includes(before)) throw new Error(`plotly.js ${version} no longer holds: ${before}`);
  return text.replace(before, after);
}

const EDITS = {
  "core.js": (text) => UNUSED.reduce((kept, name) => edit(kept, `require('./components/${name}'),`, ""), text),
  "plot_api/plot_config.js": (text) =>
    edit(
      edit(text, "dflt: 'https://cloud.plotly.com/newchart'", "dflt: ''"),
      "showSendToCloud: {\n        valType: 'boolean',\n        dflt: true",
      "showSendToCloud: {\n        valType: 'boolean',\n        dflt: false",
    ),
  "components/modebar/share_chart/dialog.js": () => "module.exports = function() {};",
};

// `description: 'text'` and `description: ['text', ...].join(' ')`, with the comma after or before it.
const TEXT = String.raw`'(?:[^'\\\n]|\\.)*'`;
const DESCRIPTION = String.raw`description: (?:${TEXT}|\[(?:\s*${TEXT},?|\s*\/\/.*)*\s*\]\.join\('[^']*'\))`;
const DESCRIPTIONS = new RegExp(String.raw`${DESCRIPTION}\s*,|,\s*${DESCRIPTION}(?=\s*\})`, "g");

const edits = {
  name: "edits",
  setup(build) {
    build.onLoad({ filter: /plotly\.js[\\/]src[\\/].*\.js$/ }, ({ path }) => {
      const name = path.slice(join(source, "src").length + 1).replaceAll(sep, "/");
      const text = readFileSync(path, "utf8");
      return { contents: (EDITS[name] ?? ((same) => same))(text).replace(DESCRIPTIONS, ""), loader: "js" };
    });
  },
};

// What Plotly would write into a <style> element, as a file: our page's policy allows no style elements.
function stylesheet() {
  const rules = [];
  const library = { addStyleRule: (selector, style) => rules.unshift(`${selector}{${style}}`) };
  new Function("require", readFileSync(join(source, "build", "plotcss.js"), "utf8"))(() => library);
  return `/* plotly.js ${version}, MIT */\n${rules.join("\n")}\n`;
}

mkdirSync(target, { recursive: true });
const { outputFiles } = await esbuild.build({
  entryPoints: [join(here, "entry.cjs")],
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  globalName: "Plotly",
  target: "es2020",
  outdir: target,
  legalComments: "inline",
  banner: { js: `/*! plotly.js ${version}, MIT: bar, heatmap, scatter, treemap, waterfall; locale fr */` },
  alias: { stream: "stream-browserify", regl: "@plotly/regl" },
  define: { global: "window", "define.amd": "false", "process.env.NODE_DEBUG": "false" },
  plugins: [edits],
});
const script = outputFiles.find((file) => file.path.endsWith(".js"));
if (script.text.includes("cloud.plotly.com")) throw new Error("the bundle still names the maker's cloud");
writeFileSync(join(target, "plotly.min.js"), script.contents);
writeFileSync(join(target, "plotly.css"), stylesheet());
copyFileSync(join(source, "LICENSE"), join(target, "LICENSE"));
console.log(`plotly.min.js ${script.contents.length} bytes, ${gzipSync(script.contents, { level: 9 }).length} gzip`);
