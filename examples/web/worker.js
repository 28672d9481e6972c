// What the page's worker does: holds the networks, trains, and answers. nn.js comes before it.
"use strict";

const MEAN = 0.13066;
const DEVIATION = 0.30811;
const ANSWER_SIZE = 10;

let nn;
let proof; // the module for it: its bytes, packed, and itself once it is wanted
let pixels; // of all images, bytes
let labels;
let learnCount;
const network = { classifier: 0, generator: 0, discriminator: 0, own: 0 };
let own; // the training in hand

const inflate = async (bytes) =>
  new Uint8Array(
    await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());

const softmax = (scores) => {
  const most = Math.max(...scores);
  const weights = Array.from(scores, (score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
};
const normalised = (image) => Float32Array.from(image, (value) => (value - MEAN) / DEVIATION);
const image = (index) => Float32Array.from(pixels.subarray(784 * index, 784 * (index + 1)), (byte) => byte / 255);

/// The path of the layer before the last one that has weights: what it gives out are the features.
function featurePath(layers) {
  const weighted = layers.filter((layer) => layer.parameters > 0);
  if (weighted.length < 2) return null;
  const last = layers.indexOf(weighted[weighted.length - 1]);
  for (let i = last - 1; i >= 0; --i) {
    if (!/^(Flatten|Dropout|Reshape|ReLU)/.test(layers[i].name)) return layers[i].path;
  }
  return null;
}

/// The maps of the layers that keep an image's form.
function featureMaps(id, layers) {
  return layers
    .filter((layer) => layer.name.startsWith("Conv2D") && layer.shape.length === 3)
    .slice(0, 3)
    .map((layer) => ({ name: layer.name, shape: layer.shape, values: nn.traced(id, layer.path) }));
}

function answerOf(id, layers, input, withDistance) {
  const probabilities = softmax(nn.predict(id, input, 1, ANSWER_SIZE));
  const maps = featureMaps(id, layers);
  return { probabilities, maps, distance: withDistance ? nn.distance(id, input, 1)[0] : null };
}

/// Numbers in ascending order, and the last of them.
const sorted = (values) => Float32Array.from(values).sort();

/// Images, a byte each pixel, and then their labels: the first `learn` to train on.
function takeImages(all, learn) {
  const count = all.length / 785;
  pixels = all.subarray(0, 784 * count);
  labels = all.subarray(784 * count);
  learnCount = learn;
  nn.data(pixels, labels, learn, [28, 28, 1], MEAN, DEVIATION);
}
/// So many digits by the generator, always the same.
function drawImages(count) {
  const PART = 100, LATENT = 64, WIDTH = LATENT + 10;
  const all = new Uint8Array(785 * count);
  const normal = normals(7);
  for (let first = 0; first < count; first += PART) {
    const latents = new Float32Array(WIDTH * PART);
    for (let i = 0; i < PART; ++i) {
      const digit = (first + i) % 10;
      all[784 * count + first + i] = digit;
      for (let k = 0; k < LATENT; ++k) latents[WIDTH * i + k] = normal();
      latents[WIDTH * i + LATENT + digit] = 4;
    }
    const drawn = nn.predict(network.generator, latents, PART, 784);
    drawn.forEach((value, i) => (all[784 * first + i] = Math.round((255 * (value + 1)) / 2)));
    if (first % 500 === 0) postMessage({ type: "drawing", made: first, count });
  }
  return all;
}

// ---- training ----

const CHUNK = 500;

function testNow() {
  const count = labels.length - learnCount;
  let loss = 0;
  let right = 0;
  for (let first = 0; first < count; first += CHUNK) {
    const part = nn.evaluate(network.own, true, first, CHUNK);
    loss += (part.loss * CHUNK) / count;
    right += part.right;
  }
  return { images: own.images, loss, accuracy: right / count };
}

function firstFilters() {
  const first = own.layers.find((layer) => layer.parameters > 0);
  if (!first || !/^(Conv2D|Dense)/.test(first.name)) return null;
  const values = nn.parameter(network.own, `${first.path}.weight`);
  const count = first.shape[first.shape.length - 1];
  const side = Math.sqrt(values.length / count);
  if (!Number.isInteger(side)) return null;
  return { values, count, side, dense: first.name.startsWith("Dense") };
}

/// Of a trained network: distances and probabilities of test images, to set thresholds by.
function learnDoubt() {
  const path = featurePath(own.layers);
  own.doubt = null;
  if (path === null) return;
  try {
    nn.distanceFit(network.own, path, 2000, 1e-3);
    const [distances, probabilities] = nn.doubtOfTest(network.own, 0, 1000);
    own.doubt = { distances: sorted(distances), probabilities: sorted(probabilities) };
  } catch (error) {
    own.doubt = null; // features too few or without variance: the network answers without
  }
}

function report(done) {
  postMessage({
    type: "progress",
    train: own.recent,
    test: own.newTest,
    filters: firstFilters(),
    images: own.images,
    seconds: own.seconds,
    rate: own.rateNow,
    memory: nn.memoryBytes(),
    diverged: own.diverged,
    done,
  });
  own.recent = [];
  own.newTest = null;
}

/// A slice of training, about 60 ms long, and the next one behind whatever else waits.
function trainSlice() {
  if (!own || !own.running) return;
  const start = performance.now();
  try {
    do {
      own.rateNow = own.falls ? own.rate * Math.max(1 - own.images / own.goal, 0.02) : own.rate;
      nn.learningRate(network.own, own.rateNow);
      const { loss, images, right } = nn.train(network.own, 5);
      own.images += images;
      own.recent.push({ images: own.images, loss, accuracy: right / images });
      own.smooth = own.smooth === undefined ? loss : 0.8 * own.smooth + 0.2 * loss;
      own.diverged = !Number.isFinite(loss);
    } while (!own.diverged && performance.now() - start < 60);
    const done = own.diverged || own.images >= own.goal;
    const due = own.images >= own.nextTest;
    if (due || done) {
      if (!own.diverged) own.newTest = testNow();
      own.nextTest = own.images + (own.images < learnCount ? 2500 : 5000);
    }
    own.seconds += (performance.now() - start) / 1000;
    if (done) {
      own.running = false;
      if (!own.diverged) learnDoubt();
    }
    report(done);
  } catch (error) {
    own.running = false;
    postMessage({ type: "failed", message: error.message });
    return;
  }
  if (own.running) tick.port2.postMessage(0);
}
const tick = new MessageChannel(); // unlike a timer, not slowed down
tick.port1.onmessage = trainSlice;

// ---- what the page asks for ----

const calls = {
  async open({ wasm, proof: packed, images, files, learn, test, texts }) {
    nn = await NN.load(await inflate(wasm));
    proof = { packed, module: null };
    const start = performance.now();
    network.classifier = nn.create(texts.classifier, 1);
    nn.load(network.classifier, await inflate(files.classifier));
    nn.distanceLoad(network.classifier, await inflate(files.doubt));
    network.layers = nn.layers(network.classifier);
    nn.predict(network.classifier, new Float32Array(784), 1, ANSWER_SIZE);
    const first = performance.now() - start;
    for (const part of ["generator", "discriminator"]) {
      network[part] = nn.create(texts[part], 1);
      nn.load(network[part], await inflate(files[part]));
    }
    takeImages(images ? await inflate(images) : drawImages(learn + test), learn);
    const parameters = network.layers.reduce((sum, layer) => sum + layer.parameters, 0);
    return { memory: nn.memoryBytes(), first, parameters };
  },
  images({ images, learn }) {
    takeImages(images, learn);
  },

  /// Begins anew. Returns the layers.
  create({ layers, optimizer, rate, batch, seed, epochs, falls }) {
    const id = nn.create(layers, seed);
    let begun;
    try {
      const found = nn.layers(id);
      const shape = found[found.length - 1].shape;
      if (shape.length !== 1 || shape[0] !== ANSWER_SIZE) {
        throw new Error(`the last layer gives out ${shape.join("x")}; ten digits need Dense 10`);
      }
      nn.trainBegin(id, optimizer, rate, batch, seed);
      begun = found;
    } finally {
      if (!begun) nn.delete(id);
    }
    if (network.own) nn.delete(network.own);
    network.own = id;
    own = {
      layers: begun, rate, falls, rateNow: rate, images: 0, seconds: 0, goal: epochs * learnCount,
      nextTest: 2500, recent: [], newTest: null, running: false, doubt: null, diverged: false,
    };
    return { layers: begun, filters: firstFilters() };
  },
  run({ running }) {
    if (!own) return;
    const was = own.running;
    own.running = running && !own.diverged && own.images < own.goal;
    if (own.running && !was) tick.port2.postMessage(0);
    if (!own.running && was) {
      learnDoubt();
      own.newTest = testNow();
      report(false);
    }
  },
  rate({ rate, falls }) {
    if (own) Object.assign(own, { rate, falls });
  },

  /// Both networks' answers to an image of values from 0 to 1.
  answer({ image: drawn }) {
    const input = normalised(drawn);
    const result = { shipped: answerOf(network.classifier, network.layers, input, true) };
    if (own && own.images > 0 && !own.diverged) {
      result.own = answerOf(network.own, own.layers, input, own.doubt !== null);
      result.own.doubt = own.doubt;
    }
    return result;
  },

  /// Images of values from 0 to 1, and what the discriminator thinks of each for its digit.
  generate({ latents, digits, judged }) {
    const count = digits.length;
    const images = nn.predict(network.generator, latents, count, 784);
    const result = { images: images.map((value) => (value + 1) / 2) };
    if (judged) result.logits = judge(images, digits);
    return result;
  },
  /// A game: eight real images of a digit and a generated one.
  game({ digit, latents, place, picked }) {
    const generated = nn.predict(network.generator, latents, 1, 784).map((value) => (value + 1) / 2);
    const images = picked.map((index) => image(index));
    images.splice(place, 0, generated);
    const flat = new Float32Array(9 * 784);
    images.forEach((one, i) => flat.set(one.map((value) => 2 * value - 1), 784 * i));
    return { images, logits: judge(flat, Array(9).fill(digit)) };
  },
  sample({ index }) {
    return { image: image(index), label: labels[index] };
  },
  labels() {
    return { labels, learn: learnCount };
  },
  async proveBegin() {
    proof.module ??= await NN.load(await inflate(proof.packed));
    return { steps: proof.module.proofBegin(pixels.subarray(0, 784 * learnCount), labels.subarray(0, learnCount)) };
  },
  proveSteps({ count }) {
    const start = performance.now();
    const losses = Array.from({ length: count }, () => proof.module.proofStep());
    return { losses, hash: proof.module.proofHash(), seconds: (performance.now() - start) / 1000 };
  },
};

/// The discriminator's logits, each image shown to it several times under the noise that it learned
/// with.
function judge(images, digits) {
  const count = digits.length;
  const noisy = new Float32Array(images.length);
  const logits = new Float32Array(count);
  const repeats = count > 9 ? 1 : 6;
  for (let repeat = 0; repeat < repeats; ++repeat) {
    for (let i = 0; i < noisy.length; ++i) noisy[i] = images[i] + 0.25 * noise(i + 7919 * repeat);
    const answers = nn.predict(network.discriminator, noisy, count, ANSWER_SIZE);
    digits.forEach((digit, i) => (logits[i] += answers[ANSWER_SIZE * i + digit] / repeats));
  }
  return logits;
}
/// A function that returns normal numbers, for a seed always the same.
function normals(seed) {
  const uniform = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
const noiseTable = Float32Array.from({ length: 8192 }, normals(1));
const noise = (i) => noiseTable[i % 8192];

self.onmessage = async ({ data: { id, name, values } }) => {
  try {
    postMessage({ id, result: await calls[name](values ?? {}) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};
