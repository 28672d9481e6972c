// Puts the page together: assemble.mjs SOURCES FOLDER_OF_MODULES MNIST_FOLDER|none PAGE
// Without MNIST, the page trains on digits that its generator draws when it is opened.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";

const [sources, modules, mnist, page] = process.argv.slice(2);
const generated = mnist === "none";
const LEARN = generated ? 5000 : 10000;
const TEST = generated ? 1000 : 2000;

const text = (name) => readFileSync(`${sources}/${name}`, "utf8");
const idx = (name) => {
  for (const file of [`${mnist}/${name}`, `${mnist}/mnist/${name}`]) {
    if (existsSync(`${file}.gz`)) return gunzipSync(readFileSync(`${file}.gz`));
    if (existsSync(file)) return readFileSync(file);
  }
  throw new Error(`there is no ${name}.gz in ${mnist}`);
};
// All images, then all labels, a byte each.
const images = () => Buffer.concat([
  idx("train-images-idx3-ubyte").subarray(16, 16 + 784 * LEARN), idx("t10k-images-idx3-ubyte").subarray(16, 16 + 784 * TEST),
  idx("train-labels-idx1-ubyte").subarray(8, 8 + LEARN), idx("t10k-labels-idx1-ubyte").subarray(8, 8 + TEST)]);

/// A tensor of F32 in a safetensors file.
const tensor = (bytes, name) => {
  const header = Number(bytes.readBigUInt64LE(0));
  const [begin, end] = JSON.parse(bytes.subarray(8, 8 + header).toString())[name].data_offsets;
  return Array.from({ length: (end - begin) / 4 }, (all, i) => bytes.readFloatLE(8 + header + begin + 4 * i));
};

const files = { wasm: readFileSync(`${modules}/nn.wasm`), proof: readFileSync(`${modules}/proof.wasm`) };
if (!generated) {
  files.images = images();
  if (files.images.length !== 785 * (LEARN + TEST)) throw new Error(`MNIST in ${mnist} is too short`);
}
for (const name of ["classifier", "doubt", "generator", "discriminator"]) {
  files[name] = readFileSync(`${sources}/weights/${name}.safetensors`);
}
const distances = tensor(files.doubt, "distances").map((value) => Number(value.toPrecision(4)));

let data = "";
for (const [name, bytes] of Object.entries(files)) {
  data += `<script type="text/plain" id="data-${name}">${gzipSync(bytes, { level: 9 }).toString("base64")}</script>\n`;
}
data += `<script type="text/plain" id="worker">${text("nn.js")}\n${text("worker.js")}</script>`;
const script = `${text("networks.js")}\nconst LEARN = ${LEARN}, TEST = ${TEST};\nconst DISTANCES = ${JSON.stringify(distances)};
const NATIVE = ${text("weights/proof.json")};\n${text("nn.js")}\n${text("page.js")}`;
const parts = { "/*STYLE*/": text("style.css"), "<!--DATA-->": data, "/*TEXT*/": text("text.js"), "/*PAGE*/": script };
let html = text("index.html");
for (const [place, content] of Object.entries(parts)) html = html.replace(place, () => content);
writeFileSync(page, html);

const size = Buffer.byteLength(html);
console.log(`${(size / 1e6).toFixed(2)} MB (${(gzipSync(html).length / 1e6).toFixed(2)} MB over a wire that packs)`);
if (size > 5e6) throw new Error("the page is larger than 5 MB");
