// The library's module beside onnxruntime-web, TensorFlow.js and ConvNetJS, in one page of headless
// Chromium: compare.mjs MODULE FOLDER [ROUNDS]. The folder has npm's packages in node_modules, and
// the models that onnx_models.py writes. Each round measures all of them once, one after another;
// the table has the medians.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { Browser } from "../../tests/web/driver.mjs";

const [wasm, folder, roundsWanted] = process.argv.slice(2);
const rounds = Number(roundsWanted ?? 5);
const here = dirname(fileURLToPath(import.meta.url));
const own = { "/nn.wasm": wasm, "/works.js": join(here, "works.js"),
  "/nn.js": join(here, "../../examples/web/nn.js"), "/networks.js": join(here, "../../examples/web/networks.js") };
const scripts = ["/nn.js", "/networks.js", "/node_modules/onnxruntime-web/dist/ort.wasm.min.js",
  "/node_modules/@tensorflow/tfjs-core/dist/tf-core.min.js", "/node_modules/@tensorflow/tfjs-layers/dist/tf-layers.min.js",
  "/node_modules/@tensorflow/tfjs-backend-cpu/dist/tf-backend-cpu.min.js",
  "/node_modules/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js", "/node_modules/convnetjs/build/convnet-min.js", "/works.js"];
const types = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };

// What is fetched by a page has to come from a server; this one is for this machine alone.
const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, "http://localhost").pathname);
  if (path === "/") {
    response.setHeader("content-type", "text/html");
    return response.end(`<!doctype html><title>bench</title>${scripts.map((source) => `<script src="${source}"></script>`).join("\n")}`);
  }
  try {
    response.setHeader("content-type", types[path.split(".").at(-1)] ?? "application/octet-stream");
    response.end(readFileSync(own[path] ?? join(folder, path)));
  } catch {
    response.statusCode = 404;
    response.end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await Browser.open({ width: 1280, height: 900 });
try {
  await browser.go(`http://127.0.0.1:${server.address().port}/`);
  for (const failure of await browser.run("return prepare()")) console.error(failure);
  for (let i = 0; i < rounds; ++i) await browser.run("return round()");
  const works = await browser.run("return works.map(({ task, who, times }) => ({ task, who, times }))");
  const version = (name) => `${name} ${JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"))).version}`;
  console.log(`${["onnxruntime-web", "@tensorflow/tfjs-core", "convnetjs"].map(version).join(", ")}; medians of ${rounds}\n`);
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  console.log("| task | by | ms an image | of nn's |\n|---|---|---|---|");
  for (const task of new Set(works.map((work) => work.task))) {
    const ours = median(works.find((work) => work.task === task && work.who === "nn").times);
    for (const { who, times } of works.filter((work) => work.task === task)) {
      const time = median(times);
      console.log(`| ${task} | ${who} | ${time.toPrecision(3)} | ${(time / ours).toFixed(1)} |`);
    }
  }
} finally {
  await browser.close();
  server.close();
}
