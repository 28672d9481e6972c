// The library for JavaScript: loads the module that examples/web/build makes of nn_web.cpp, and
// wraps its functions. No other file of emscripten's is needed.
//
//     const nn = await NN.load(bytesOfTheModule);
//     const network = nn.create("input 28 28 1; flatten; dense 10", 1);
//     nn.load(network, bytesOfASafetensorsFile);
//     const scores = nn.predict(network, new Float32Array(784), 1);
//
// A function that fails throws an Error with the library's message.
"use strict";

class NN {
  /// Whether this browser has what the module needs; else which of it is missing.
  static missing() {
    if (typeof WebAssembly !== "object") return "WebAssembly";
    // A module with one function that makes a vector: () -> v128.const 0, dropped.
    const simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11];
    if (!WebAssembly.validate(new Uint8Array(simd))) return "WebAssembly SIMD";
    // A tag section: exceptions.
    const exceptions = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 13, 3, 1, 0, 0];
    if (!WebAssembly.validate(new Uint8Array(exceptions))) return "WebAssembly exceptions";
    if (typeof DecompressionStream !== "function") return "DecompressionStream";
    return "";
  }

  static async load(bytes) {
    const module = await WebAssembly.compile(bytes);
    const nn = new NN();
    const imports = {};
    // What the C library asks of a system. The module opens no files and starts no threads, so all
    // but the clock and the console may be refused.
    const system = {
      clock_time_get: (id, precision, time) => {
        nn.view().setBigUint64(time, BigInt(Math.round(performance.now() * 1e6)), true);
        return 0;
      },
      fd_write: (file, vectors, count, written) => {
        let text = "";
        let total = 0;
        for (let i = 0; i < count; ++i) {
          const at = nn.view().getUint32(vectors + 8 * i, true);
          const size = nn.view().getUint32(vectors + 8 * i + 4, true);
          text += new TextDecoder().decode(nn.bytes(at, size).slice());
          total += size;
        }
        nn.view().setUint32(written, total, true);
        console.log(text);
        return 0;
      },
      environ_sizes_get: (count, size) => {
        nn.view().setUint32(count, 0, true);
        nn.view().setUint32(size, 0, true);
        return 0;
      },
      environ_get: () => 0,
      proc_exit: (status) => {
        throw new Error(`the module ended with status ${status}`);
      },
      emscripten_notify_memory_growth: () => {},
    };
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
      imports[from] ??= {};
      if (kind === "function") imports[from][name] = system[name] ?? (() => 52); // "not supported"
      if (kind === "tag") imports[from][name] = new WebAssembly.Tag({ parameters: ["i32"] });
    }
    nn.exports = (await WebAssembly.instantiate(module, imports)).exports;
    nn.exports._initialize?.();
    return nn;
  }

  // ---- the module's memory, which may move when it grows ----

  view() {
    return new DataView(this.exports.memory.buffer);
  }
  bytes(at, size) {
    return new Uint8Array(this.exports.memory.buffer, at, size);
  }
  /// A copy of `count` floats at `at`.
  floats(at, count) {
    return new Float32Array(this.exports.memory.buffer, at, count).slice();
  }
  text(at) {
    const all = new Uint8Array(this.exports.memory.buffer);
    return new TextDecoder().decode(all.slice(at, all.indexOf(0, at)));
  }
  memoryBytes() {
    return this.exports.memory.buffer.byteLength;
  }

  /// Calls a function with numbers, texts and typed arrays, which are copied for the call.
  call(name, ...values) {
    const taken = [];
    const copy = (bytes) => {
      const at = this.exports.nn_alloc(bytes.length);
      if (at === 0) throw new Error(`no memory for ${bytes.length} bytes`);
      taken.push(at);
      this.bytes(at, bytes.length).set(bytes);
      return at;
    };
    try {
      const words = values.map((value) => {
        if (typeof value === "string") return copy(new TextEncoder().encode(value + "\0"));
        if (!ArrayBuffer.isView(value)) return value;
        return copy(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      });
      const result = this.exports[name](...words);
      if (result === 0) throw new Error(this.text(this.exports.nn_error()));
      return result;
    } finally {
      for (const at of taken) this.exports.nn_free(at);
    }
  }

  /// Calls a function whose last parameter is told how many floats it returns.
  callSized(name, ...values) {
    const size = this.exports.nn_alloc(4);
    try {
      const at = this.call(name, ...values, size);
      return this.floats(at, this.view().getInt32(size, true));
    } finally {
      this.exports.nn_free(size);
    }
  }

  // ---- what nn_web.cpp has ----

  data(images, labels, learn, [height, width, channels], mean, deviation) {
    this.call("nn_data", images, labels, labels.length, learn, height, width, channels, mean, deviation);
  }
  create(layers, seed) {
    return this.call("nn_create", layers, seed);
  }
  /// The network of a model file, with its weights.
  open(bytes) {
    return this.call("nn_open", bytes, bytes.length);
  }
  /// What the file of an opened model says: nn.metadata(network, "nn.about") is JSON.
  metadata(network, key) {
    return this.text(this.call("nn_metadata", network, key));
  }
  delete(network) {
    this.call("nn_delete", network);
  }
  load(network, bytes) {
    this.call("nn_load", network, bytes, bytes.length);
  }
  /// [{path, name, shape, parameters}], shape as a list.
  layers(network) {
    const lines = this.text(this.call("nn_layers", network)).trimEnd().split("\n");
    return lines.map((line) => {
      const [path, name, shape, parameters] = line.split("\t");
      return { path, name, shape: shape.split("x").map(Number), parameters: Number(parameters) };
    });
  }
  parameter(network, name) {
    return this.callSized("nn_parameter", network, name);
  }
  trainBegin(network, optimizer, rate, batch, seed) {
    this.call("nn_train_begin", network, optimizer, rate, batch, seed);
  }
  learningRate(network, rate) {
    this.call("nn_learning_rate", network, rate);
  }
  train(network, steps) {
    const [loss, images, right] = this.floats(this.call("nn_train", network, steps), 3);
    return { loss, images, right };
  }
  evaluate(network, test, first, count) {
    const at = this.call("nn_evaluate", network, test ? 1 : 0, first, count);
    const [loss, right] = this.floats(at, 2);
    return { loss, right };
  }
  /// The output for `count` samples, `size` numbers each.
  predict(network, inputs, count, size) {
    return this.floats(this.call("nn_predict", network, inputs, count), count * size);
  }
  traced(network, path) {
    return this.callSized("nn_traced", network, path);
  }
  distanceFit(network, path, count, ridge) {
    this.call("nn_distance_fit", network, path, count, ridge);
  }
  distanceLoad(network, bytes) {
    this.call("nn_distance_load", network, bytes, bytes.length);
  }
  distance(network, inputs, count) {
    return this.floats(this.call("nn_distance", network, inputs, count), count);
  }
  /// [distances, largest probabilities] of test images.
  doubtOfTest(network, first, count) {
    const all = this.floats(this.call("nn_doubt_of_test", network, first, count), 2 * count);
    return [all.slice(0, count), all.slice(count)];
  }

  // ---- what proof.cpp has, a module of its own ----

  /// Returns the number of steps.
  proofBegin(images, labels) {
    return this.call("nn_proof_begin", images, labels, labels.length);
  }
  proofStep() {
    return this.floats(this.call("nn_proof_step"), 1)[0];
  }
  proofHash() {
    return this.text(this.call("nn_proof_sha256"));
  }
}

if (typeof module === "object") module.exports = { NN };
