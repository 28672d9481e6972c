// The library's module beside onnxruntime-web, TensorFlow.js and ConvNetJS: bench/web/run
// In node, whose V8 is Chromium's, on one thread; processor time, so that a busy machine changes
// little. Each round measures all of them once, one after another; the table has the medians.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [wasm, peers, onnx, roundsWanted] = process.argv.slice(2);
const rounds = Number(roundsWanted ?? 5);
const require = createRequire(join(peers, "package.json"));
const { NN } = createRequire(import.meta.url)("../../examples/web/nn.js");
const { NETWORKS } = createRequire(import.meta.url)("../../examples/web/networks.js");

const LENET = "input 28 28 1; conv 6 5 pad=2; relu; maxpool 2; conv 16 5; relu; maxpool 2; flatten; dense 120; relu; dense 84; relu; dense 10";
const MLP = "input 28 28 1; flatten; dense 128; relu; dense 64; relu; dense 10";
const BATCH = 50;
const COUNT = 500;

let seed = 1;
const uniform = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
const bytes = Uint8Array.from({ length: 784 * COUNT }, () => (uniform() < 0.8 ? 0 : 255 * uniform()));
const labels = Uint8Array.from({ length: COUNT }, () => 10 * uniform());
const one = Float32Array.from(bytes.subarray(0, 784), (byte) => byte / 255);
const latent = Float32Array.from({ length: 74 }, () => 2 * uniform() - 1);

const works = []; // { task, who, unit, run }: run() returns how many it did
const add = (task, who, run) => works.push({ task, who, run, times: [] });

// ---- nn ----
const nn = await NN.load(readFileSync(wasm));
nn.data(bytes, labels, COUNT - 1, [28, 28, 1], 0, 1);
const repeat = async (count, work) => {
  for (let i = 0; i < count; ++i) await work();
  return count;
};
const lenet = nn.create(LENET, 1);
const generator = nn.create(NETWORKS.generator, 1);
add("LeNet predicts", "nn", () => repeat(200, () => nn.predict(lenet, one, 1, 10)));
add("the generator draws", "nn", () => repeat(50, () => nn.predict(generator, latent, 1, 784)));
for (const [task, text] of [["LeNet trains", LENET], ["MLP trains", MLP]]) {
  const network = nn.create(text, 1);
  nn.trainBegin(network, "momentum", 1e-4, BATCH, 1);
  add(task, "nn", () => nn.train(network, 10).images);
}

// ---- onnxruntime-web ----
try {
  const ort = require("onnxruntime-web");
  Object.assign(ort.env.wasm, { numThreads: 1, simd: true });
  for (const [task, file, input, shape, count] of [
    ["LeNet predicts", "lenet.onnx", one, [1, 1, 28, 28], 200], ["the generator draws", "generator.onnx", latent, [1, 74], 50]]) {
    const session = await ort.InferenceSession.create(readFileSync(join(onnx, file)), { executionProviders: ["wasm"] });
    const feeds = { x: new ort.Tensor("float32", input, shape) };
    add(task, "onnxruntime-web", () => repeat(count, () => session.run(feeds)));
  }
} catch (error) {
  console.error(`onnxruntime-web: ${error.message}`);
}

// ---- TensorFlow.js ----
const tf = require("@tensorflow/tfjs-core");
const layers = require("@tensorflow/tfjs-layers");
require("@tensorflow/tfjs-backend-cpu");
try {
  const backend = require("@tensorflow/tfjs-backend-wasm");
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  backend.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")), "/"));
} catch (error) {
  console.error(`tfjs wasm: ${error.message}`);
}
const { dense, conv2d, maxPooling2d, flatten, batchNormalization, reshape, conv2dTranspose, activation } = layers.layers;
const sequential = (list) => layers.sequential({ layers: list });
const tfLenet = () => sequential([
  conv2d({ inputShape: [28, 28, 1], filters: 6, kernelSize: 5, padding: "same", activation: "relu" }), maxPooling2d({ poolSize: 2 }),
  conv2d({ filters: 16, kernelSize: 5, activation: "relu" }), maxPooling2d({ poolSize: 2 }), flatten(),
  dense({ units: 120, activation: "relu" }), dense({ units: 84, activation: "relu" }), dense({ units: 10 })]);
const tfMlp = () => sequential([flatten({ inputShape: [28, 28, 1] }), dense({ units: 128, activation: "relu" }),
  dense({ units: 64, activation: "relu" }), dense({ units: 10 })]);
const tfGenerator = () => sequential([
  dense({ inputShape: [74], units: 3136, useBias: false }), reshape({ targetShape: [7, 7, 64] }), batchNormalization(), activation({ activation: "relu" }),
  conv2dTranspose({ filters: 32, kernelSize: 4, strides: 2, padding: "same", useBias: false }), batchNormalization(), activation({ activation: "relu" }),
  conv2dTranspose({ filters: 1, kernelSize: 4, strides: 2, padding: "same", activation: "tanh" })]);
const images = Float32Array.from(bytes, (byte) => byte / 255);
for (const name of ["wasm", "cpu"]) {
  try {
    if (!(await tf.setBackend(name))) throw new Error("it does not start");
    await tf.ready();
    for (const [task, make, input, shape, count] of [
      ["LeNet predicts", tfLenet, one, [1, 28, 28, 1], name === "wasm" ? 100 : 20], ["the generator draws", tfGenerator, latent, [1, 74], name === "wasm" ? 20 : 2]]) {
      const model = make();
      const x = tf.tensor(input, shape);
      add(task, `tfjs ${name}`, async () => {
        await tf.setBackend(name);
        return repeat(count, async () => { const y = model.predict(x); await y.data(); y.dispose(); });
      });
    }
    for (const [task, make] of [["LeNet trains", tfLenet], ["MLP trains", tfMlp]]) {
      const model = make();
      const optimizer = tf.train.momentum(1e-4, 0.9);
      const x = tf.tensor(images.subarray(0, 784 * BATCH), [BATCH, 28, 28, 1]);
      const y = tf.cast(tf.oneHot(tf.tensor1d(Int32Array.from(labels.subarray(0, BATCH)), "int32"), 10), "float32");
      const step = () => {
        const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true })), true);
        loss.dataSync();
        loss.dispose();
      };
      try {
        step();
        add(task, `tfjs ${name}`, async () => { await tf.setBackend(name); step(); return BATCH; });
      } catch (error) {
        console.error(`tfjs ${name}, ${task}: ${error.message}`);
      }
    }
  } catch (error) {
    console.error(`tfjs ${name}: ${error.message}`);
  }
}

// ---- ConvNetJS ----
try {
  const convnet = require("convnetjs");
  const input = { type: "input", out_sx: 28, out_sy: 28, out_depth: 1 };
  const nets = {
    "LeNet trains": [input, { type: "conv", sx: 5, filters: 6, stride: 1, pad: 2, activation: "relu" }, { type: "pool", sx: 2, stride: 2 },
      { type: "conv", sx: 5, filters: 16, stride: 1, activation: "relu" }, { type: "pool", sx: 2, stride: 2 },
      { type: "fc", num_neurons: 120, activation: "relu" }, { type: "fc", num_neurons: 84, activation: "relu" }, { type: "softmax", num_classes: 10 }],
    "MLP trains": [input, { type: "fc", num_neurons: 128, activation: "relu" }, { type: "fc", num_neurons: 64, activation: "relu" }, { type: "softmax", num_classes: 10 }],
  };
  for (const [task, list] of Object.entries(nets)) {
    const net = new convnet.Net();
    net.makeLayers(list);
    const trainer = new convnet.SGDTrainer(net, { learning_rate: 1e-4, momentum: 0.9, batch_size: BATCH });
    const volumes = Array.from({ length: BATCH }, (all, i) => {
      const volume = new convnet.Vol(28, 28, 1, 0);
      volume.w.set(images.subarray(784 * i, 784 * (i + 1)));
      return volume;
    });
    add(task, "ConvNetJS", () => {
      volumes.forEach((volume, i) => trainer.train(volume, labels[i]));
      return BATCH;
    });
  }
} catch (error) {
  console.error(`ConvNetJS: ${error.message}`);
}

// ---- the rounds ----
for (const { run } of works) await run(); // compiled and warm
for (let round = 0; round < rounds; ++round) {
  for (const work of works) {
    const start = process.cpuUsage();
    const count = await work.run();
    const { user, system } = process.cpuUsage(start);
    work.times.push((user + system) / 1000 / count);
  }
}
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
console.log("| task | by | ms of processor time | of nn's |\n|---|---|---|---|");
for (const task of [...new Set(works.map((work) => work.task))]) {
  const own = median(works.find((work) => work.task === task && work.who === "nn").times);
  for (const work of works.filter((one) => one.task === task)) {
    const time = median(work.times);
    console.log(`| ${task}, an image | ${work.who} | ${time.toPrecision(3)} | ${(time / own).toFixed(1)} |`);
  }
}
