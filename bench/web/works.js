// What bench/web/compare.mjs measures, in a page that has loaded nn.js, networks.js, onnxruntime-web,
// TensorFlow.js and ConvNetJS. Each on one thread: a page that is opened from a file has no other.
"use strict";

const LENET = "input 28 28 1; conv 6 5 pad=2; relu; maxpool 2; conv 16 5; relu; maxpool 2; flatten; dense 120; relu; dense 84; relu; dense 10";
const MLP = "input 28 28 1; flatten; dense 128; relu; dense 64; relu; dense 10";
const BATCH = 50;
const COUNT = 500;

const works = []; // { task, who, run, times }: run() returns how many images it did
const add = (task, who, run) => works.push({ task, who, run, times: [] });
const failures = [];
const bytesAt = async (address) => new Uint8Array(await (await fetch(address)).arrayBuffer());
const repeat = async (count, work) => {
  for (let i = 0; i < count; ++i) await work();
  return count;
};

let seed = 1;
const uniform = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
const bytes = Uint8Array.from({ length: 784 * COUNT }, () => (uniform() < 0.8 ? 0 : 255 * uniform()));
const images = Float32Array.from(bytes, (byte) => byte / 255);
const labels = Uint8Array.from({ length: COUNT }, () => 10 * uniform());
const one = images.slice(0, 784);
const latent = Float32Array.from({ length: 74 }, () => 2 * uniform() - 1);

async function addNn() {
  const nn = await NN.load(await bytesAt("/nn.wasm"));
  nn.data(bytes, labels, COUNT - 1, [28, 28, 1], 0, 1);
  const lenet = nn.create(LENET, 1);
  const generator = nn.create(NETWORKS.generator, 1);
  add("LeNet predicts", "nn", () => repeat(200, () => nn.predict(lenet, one, 1, 10)));
  add("the generator draws", "nn", () => repeat(50, () => nn.predict(generator, latent, 1, 784)));
  for (const [task, text] of [["LeNet trains", LENET], ["MLP trains", MLP]]) {
    const network = nn.create(text, 1);
    nn.trainBegin(network, "momentum", 1e-4, BATCH, 1);
    add(task, "nn", () => nn.train(network, 10).images);
  }
}

async function addOnnxRuntime() {
  Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: new URL("/node_modules/onnxruntime-web/dist/", location.href).href });
  for (const [task, file, input, shape, count] of [
    ["LeNet predicts", "lenet.onnx", one, [1, 1, 28, 28], 200], ["the generator draws", "generator.onnx", latent, [1, 74], 50]]) {
    const session = await ort.InferenceSession.create(await bytesAt(`/${file}`), { executionProviders: ["wasm"] });
    const feeds = { x: new ort.Tensor("float32", input, shape) };
    add(task, "onnxruntime-web", () => repeat(count, () => session.run(feeds)));
  }
}

async function addTensorFlow(name) {
  const { dense, conv2d, maxPooling2d, flatten, batchNormalization, reshape, conv2dTranspose, activation } = tf.layers;
  const sequential = (list) => tf.sequential({ layers: list });
  const lenet = () => sequential([
    conv2d({ inputShape: [28, 28, 1], filters: 6, kernelSize: 5, padding: "same", activation: "relu" }), maxPooling2d({ poolSize: 2 }),
    conv2d({ filters: 16, kernelSize: 5, activation: "relu" }), maxPooling2d({ poolSize: 2 }), flatten(),
    dense({ units: 120, activation: "relu" }), dense({ units: 84, activation: "relu" }), dense({ units: 10 })]);
  const mlp = () => sequential([flatten({ inputShape: [28, 28, 1] }), dense({ units: 128, activation: "relu" }),
    dense({ units: 64, activation: "relu" }), dense({ units: 10 })]);
  const generator = () => sequential([
    dense({ inputShape: [74], units: 3136, useBias: false }), reshape({ targetShape: [7, 7, 64] }), batchNormalization(), activation({ activation: "relu" }),
    conv2dTranspose({ filters: 32, kernelSize: 4, strides: 2, padding: "same", useBias: false }), batchNormalization(), activation({ activation: "relu" }),
    conv2dTranspose({ filters: 1, kernelSize: 4, strides: 2, padding: "same", activation: "tanh" })]);
  if (name === "wasm") {
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    tf.wasm.setWasmPaths("/node_modules/@tensorflow/tfjs-backend-wasm/dist/");
  }
  if (!(await tf.setBackend(name))) throw new Error("it does not start");
  for (const [task, make, input, shape, count] of [
    ["LeNet predicts", lenet, one, [1, 28, 28, 1], name === "wasm" ? 100 : 20], ["the generator draws", generator, latent, [1, 74], name === "wasm" ? 20 : 2]]) {
    const model = make();
    const x = tf.tensor(input, shape);
    add(task, `tfjs ${name}`, async () => {
      await tf.setBackend(name);
      return repeat(count, async () => { const y = model.predict(x); await y.data(); y.dispose(); });
    });
  }
  for (const [task, make] of [["LeNet trains", lenet], ["MLP trains", mlp]]) {
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
      failures.push(`${task} by tfjs ${name}: ${error.message}`);
    }
  }
}

async function addConvNet() {
  const input = { type: "input", out_sx: 28, out_sy: 28, out_depth: 1 };
  const nets = {
    "LeNet trains": [input, { type: "conv", sx: 5, filters: 6, stride: 1, pad: 2, activation: "relu" }, { type: "pool", sx: 2, stride: 2 },
      { type: "conv", sx: 5, filters: 16, stride: 1, activation: "relu" }, { type: "pool", sx: 2, stride: 2 },
      { type: "fc", num_neurons: 120, activation: "relu" }, { type: "fc", num_neurons: 84, activation: "relu" }, { type: "softmax", num_classes: 10 }],
    "MLP trains": [input, { type: "fc", num_neurons: 128, activation: "relu" }, { type: "fc", num_neurons: 64, activation: "relu" }, { type: "softmax", num_classes: 10 }],
  };
  for (const [task, list] of Object.entries(nets)) {
    const net = new convnetjs.Net();
    net.makeLayers(list);
    const trainer = new convnetjs.SGDTrainer(net, { learning_rate: 1e-4, momentum: 0.9, batch_size: BATCH });
    const volumes = Array.from({ length: BATCH }, (all, i) => {
      const volume = new convnetjs.Vol(28, 28, 1, 0);
      for (let k = 0; k < 784; ++k) volume.w[k] = images[784 * i + k];
      return volume;
    });
    add(task, "ConvNetJS", () => {
      volumes.forEach((volume, i) => trainer.train(volume, labels[i]));
      return BATCH;
    });
  }
}

/// Makes all works; what does not run is told in `failures`.
async function prepare() {
  await addNn();
  for (const [name, work] of [["onnxruntime-web", addOnnxRuntime], ["tfjs wasm", () => addTensorFlow("wasm")], ["tfjs cpu", () => addTensorFlow("cpu")], ["ConvNetJS", addConvNet]]) {
    try {
      await work();
    } catch (error) {
      failures.push(`${name}: ${error.message}`);
    }
  }
  for (const { run } of works) await run(); // compiled and warm
  return failures;
}
/// Measures each work once, one after another, in ms for an image.
async function round() {
  for (const work of works) {
    const start = performance.now();
    const count = await work.run();
    work.times.push((performance.now() - start) / count);
  }
}
