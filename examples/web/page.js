// The page: what is drawn, pressed and shown. All computing is the worker's (worker.js).
"use strict";

const $ = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}\u00a0%`;
const css = (share) => `${(100 * share).toFixed(2)}%`;
const number = (value) => Math.round(value).toLocaleString(LANGUAGE);
const bytesOf = (id) => Uint8Array.from(atob($(`data-${id}`).textContent), (c) => c.charCodeAt(0));

// ---- words and colours ----

document.documentElement.lang = LANGUAGE;
document.title = say("title");
for (const element of document.querySelectorAll("[data-t]")) element.textContent = say(element.dataset.t);

// A page that carries no data set has its generator draw what it trains on, until it is given MNIST.
let generated = $("data-images") === null;
function showSource() {
  $("lead").textContent = say(generated ? "leadGenerated" : "lead");
  $("mnist").hidden = !generated;
  for (const id of ["game", "prove", "nav-prove"]) $(id).hidden = generated;
  $("footer").textContent = `${say("footer")} ${say($("data-images") ? "footerImages" : "footerNone")}`;
}
showSource();

const redraws = []; // what is drawn with the theme's colours
function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  for (const redraw of redraws) redraw();
}
const systemTheme = matchMedia("(prefers-color-scheme: dark)");
systemTheme.addEventListener("change", () => setTheme(systemTheme.matches));
$("theme").setAttribute("aria-label", say("theme"));
$("theme").onclick = () => setTheme(document.documentElement.dataset.theme !== "dark");

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = false;
}
const explain = (message) => (/memory|alloc/i.test(message) ? say("memory", { message }) : say("failed", { message }));

// ---- the worker ----

let worker;
let asked = 0;
const waiting = new Map();
function ask(name, values) {
  return new Promise((resolve, reject) => {
    waiting.set(++asked, { resolve, reject });
    worker.postMessage({ id: asked, name, values });
  });
}
/// Asks for the newest only: while an answer is awaited, all but the last question are dropped.
/// Where the browser cannot run the module there is nobody to ask, and nothing is done.
function latest(work) {
  let busy = false;
  let next = null;
  return async function run(values) {
    if (!worker) return;
    if (busy) return void (next = { values });
    busy = true;
    try {
      await work(values);
    } catch (error) {
      trouble(explain(error.message));
    }
    busy = false;
    if (next) {
      const { values: newest } = next;
      next = null;
      run(newest);
    }
  };
}

// ---- pictures on canvases ----

/// A canvas as large as it is shown, in the screen's own pixels; its context, width and height.
function sized(canvas, height) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const width = canvas.clientWidth || 300;
  if (height) canvas.style.height = `${height}px`;
  const tall = height || canvas.clientHeight || 200;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(tall * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return [context, width, tall];
}
/// An image of values from 0 to 1 as a canvas of its size.
function greyCanvas(values, side = 28) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const data = new ImageData(side, side);
  for (let i = 0; i < side * side; ++i) {
    const level = 255 * Math.min(1, Math.max(0, values[i]));
    data.data.set([level, level, level, 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}
/// The same, drawn smoothly onto a canvas of so many pixels.
function show(canvas, values, pixels) {
  canvas.width = canvas.height = pixels;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(greyCanvas(values), 0, 0, pixels, pixels);
}

// ---- train ----

const PRESETS = {
  lenet: "input 28 28 1; conv 6 5 pad=2; relu; maxpool 2; conv 16 5; relu; maxpool 2; flatten; dense 120; relu; dense 84; relu; dense 10",
  mlp: "input 28 28 1; flatten; dense 128; relu; dense 64; relu; dense 10",
};
const KINDS = {
  conv: { label: "addConv", value: 12, unit: "3x3", text: (n) => `conv ${n} 3 pad=1` },
  maxpool: { label: "addPool", value: 2, text: (n) => `maxpool ${n}` },
  relu: { label: "addRelu", text: () => "relu" },
  batchnorm: { label: "addNorm", text: () => "batchnorm" },
  dropout: { label: "addDropout", value: 0.3, text: (n) => `dropout ${n}` },
  flatten: { label: "addFlatten", text: () => "flatten" },
  dense: { label: "addDense", value: 64, text: (n) => `dense ${n}` },
};
const built = [["conv", 12], ["relu"], ["maxpool", 2], ["conv", 24], ["relu"], ["maxpool", 2], ["flatten"], ["dense", 64], ["relu"]];

function showBuilder() {
  $("layers").setAttribute("aria-label", say("layerList"));
  $("layers").replaceChildren(
    ...built.map((layer, place) => {
      const kind = KINDS[layer[0]];
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = say(kind.label) + (kind.unit ? ` ${kind.unit}` : "");
      item.append(name);
      if (kind.value !== undefined) {
        const input = Object.assign(document.createElement("input"), { type: "number", value: layer[1], min: 0, step: "any" });
        input.setAttribute("aria-label", name.textContent);
        input.onchange = () => { layer[1] = Number(input.value); begin(); };
        item.append(input);
      }
      const button = (sign, label, action) => {
        const made = Object.assign(document.createElement("button"), { type: "button", textContent: sign });
        made.setAttribute("aria-label", say(label, { name: name.textContent }));
        made.onclick = () => { action(); showBuilder(); begin(); };
        return made;
      };
      if (place > 0) item.append(button("↑", "earlier", () => built.splice(place - 1, 2, built[place], built[place - 1])));
      item.append(button("×", "remove", () => built.splice(place, 1)));
      return item;
    }),
    Object.assign(document.createElement("li"), { innerHTML: `<span>${say("addDense")} 10</span><span class="hint">${say("always")}&ensp;</span>` }));
}
$("adders").append(
  ...Object.entries(KINDS).map(([key, kind]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: `+ ${say(kind.label)}` });
    button.onclick = () => { built.push([key, kind.value]); showBuilder(); begin(); };
    return button;
  }));

const chosen = () => document.querySelector("[name=network]:checked").value;
const layersText = () => PRESETS[chosen()] ??
  `input 28 28 1; ${built.map(([kind, value]) => KINDS[kind].text(value)).join("; ")}; dense 10`;
const rateValue = () => Number((10 ** Number($("rate").value)).toPrecision(2));

const training = { running: false, begun: false, done: false, wanted: false, curve: [], tests: [], filters: null, images: 0, speeds: [], refused: true };
const setState = (text) => ($("state").textContent = text);
function showButtons() {
  $("start").textContent = say(training.running ? "pause" : training.begun && !training.done ? "goOn" : "start");
  $("start").disabled = !worker || training.refused;
  $("reset").disabled = !worker;
}
function showFigures() {
  const test = training.tests.at(-1);
  $("f-accuracy").textContent = test ? percent(test.accuracy) : "–";
  $("f-seen").textContent = training.images ? number(training.images) : "–";
  $("f-time").textContent = training.seconds ? training.seconds.toFixed(1) : "–";
  $("f-speed").textContent = training.seconds ? number(training.images / training.seconds) : "–";
}

/// A new network, not trained.
const begin = latest(async () => {
  Object.assign(training, { running: false, begun: false, done: false, curve: [], tests: [], filters: null, images: 0, seconds: 0 });
  $("diverged").hidden = true;
  try {
    const { filters } = await ask("create", {
      layers: layersText(), optimizer: $("optimizer").value, rate: rateValue(), batch: Number($("batch").value),
      seed: 1, epochs: Number($("epochs").value), falls: $("falls").checked,
    });
    training.filters = filters;
    training.refused = false;
    setState(say("stateIdle"));
  } catch (error) {
    training.refused = true;
    setState(/memory|alloc/i.test(error.message) ? explain(error.message) : say("refused", { message: error.message }));
  }
  showButtons();
  showFigures();
  drawTraining();
  if (training.wanted && !training.refused) run(true);
  training.wanted = false;
  recognise();
});
function run(on) {
  training.running = on;
  training.begun = true;
  ask("run", { running: on });
  setState(say(on ? "stateRunning" : "statePaused"));
  showButtons();
}
$("start").onclick = () => {
  if (!training.done) return run(!training.running);
  training.wanted = true;
  begin();
};
$("reset").onclick = () => begin();
for (const id of ["optimizer", "epochs", "batch"]) $(id).onchange = () => begin();
for (const radio of document.querySelectorAll("[name=network]")) {
  radio.onchange = () => { $("builder").hidden = chosen() !== "own"; begin(); };
}
function rateMoved() {
  $("rate-shown").textContent = String(rateValue());
  $("rate").setAttribute("aria-valuetext", String(rateValue()));
  if (worker) ask("rate", { rate: rateValue(), falls: $("falls").checked });
}
$("rate").oninput = $("falls").onchange = rateMoved;
$("rate").value = Math.log10(0.003);
$("settings").onsubmit = (event) => event.preventDefault();

function progress(message) {
  training.curve.push(...message.train);
  if (training.curve.length > 4000) training.curve = training.curve.filter((point, i) => i % 2 === 0);
  if (message.test) training.tests.push({ ...message.test, seconds: message.seconds });
  if (message.filters) training.filters = message.filters;
  Object.assign(training, { images: message.images, seconds: message.seconds });
  if (message.done) {
    training.running = false;
    training.done = true;
    const last = training.tests.at(-1);
    setState(message.diverged ? "" : say("stateDone", { accuracy: percent(last.accuracy), count: number(labels.length - learned), seconds: training.seconds.toFixed(1) }));
    showButtons();
  }
  const recent = training.curve.at(-1)?.loss;
  const stuck = !message.diverged && training.images > 4000 && training.tests.at(-1)?.accuracy < 0.2;
  $("diverged").hidden = !message.diverged && !stuck;
  if (message.diverged) $("diverged").textContent = say("diverged", { rate: Number(message.rate.toPrecision(2)), loss: String(recent) });
  else if (stuck) $("diverged").textContent = say("stuck", { loss: recent.toFixed(2) });
  showFigures();
  drawSoon();
  if (message.test) recognise();
}

/// Draws once a frame, however many messages came: on a slow machine none must pile up before a
/// click on Pause.
function drawSoon() {
  if (training.due) return;
  training.due = true;
  requestAnimationFrame(() => {
    training.due = false;
    drawTraining();
  });
}

/// Curves over the images seen: {name, points: [[x, y]], colour}.
function drawChart(canvas, curves, { top, bottom = 0, format, ticks }) {
  const [context, width, height] = sized(canvas);
  context.font = "12px system-ui, sans-serif";
  const widest = Math.max(...ticks.map((tick) => context.measureText(format(tick)).width));
  const left = Math.max(42, widest + 10), right = 8, above = 8, below = 22;
  const end = Math.max(5000, ...curves.flatMap(({ points }) => points.map(([x]) => x)));
  const x = (value) => left + ((width - left - right) * value) / end;
  const y = (value) => above + (height - above - below) * (1 - (Math.min(Math.max(value, bottom), top) - bottom) / (top - bottom));
  context.fillStyle = colour("soft");
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks) {
    context.beginPath();
    context.moveTo(left, y(tick));
    context.lineTo(width - right, y(tick));
    context.stroke();
    context.fillText(format(tick), left - 6, y(tick));
  }
  context.textBaseline = "top";
  const step = 10 ** Math.floor(Math.log10(end)) * (end / 10 ** Math.floor(Math.log10(end)) > 4 ? 2 : 1);
  for (let tick = 0; tick <= end; tick += step) {
    context.textAlign = tick === 0 ? "left" : x(tick) > width - 30 ? "right" : "center";
    context.fillText(number(tick), x(tick), height - below + 6);
  }
  for (const { points, colour: stroke, width: line, dots } of curves) {
    context.strokeStyle = context.fillStyle = stroke;
    context.lineWidth = line;
    context.lineJoin = "round";
    context.beginPath();
    for (const [px, py] of points) if (Number.isFinite(py)) context.lineTo(x(px), y(py));
    context.stroke();
    for (const [px, py] of dots ? points : []) {
      context.beginPath();
      context.arc(x(px), y(py), 3, 0, 7);
      context.fill();
    }
  }
}
/// The means of neighbours, so that a curve of batches can be read.
function smoothed(key) {
  const points = training.curve;
  const span = Math.max(1, Math.ceil(points.length / 60));
  return points.filter((point, i) => i % span === span - 1 || i === points.length - 1).map((point, k) => {
    const group = points.slice(k * span, (k + 1) * span);
    return [point.images, group.reduce((sum, one) => sum + one[key], 0) / Math.max(group.length, 1)];
  });
}
function drawTraining() {
  const tests = (key) => training.tests.map((test) => [test.images, test[key]]);
  const curves = (key) => [
    { points: smoothed(key), colour: colour("train"), width: 2 },
    { points: tests(key), colour: colour("test"), width: 2.5, dots: true }];
  drawChart($("accuracy-chart"), curves("accuracy"), { top: 1, bottom: 0.5, ticks: [0.5, 0.6, 0.7, 0.8, 0.9, 1], format: (v) => percent(v, 0) });
  const recent = training.curve.slice(-20).map(({ loss }) => loss).filter(Number.isFinite);
  const high = recent.reduce((a, b) => Math.max(a, b), 0);
  if (high <= 1.2 || training.images < 1000 && high < 5) {
    drawChart($("loss-chart"), curves("loss"), { top: 1.2, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1, 1.2], format: (v) => v.toFixed(1) });
  } else { // a training that goes wrong
    const top = Number((1.05 * high).toPrecision(2));
    drawChart($("loss-chart"), curves("loss").map((curve) => ({ ...curve, dots: true })), { top, ticks: [0, top / 2, top], format: (v) => (v < 1e4 ? number(v) : v.toExponential(0)) });
  }
  const last = training.curve.at(-1);
  const test = training.tests.at(-1);
  const shown = (value, write) => (value === undefined ? "–" : write(value));
  const images = number(training.images);
  $("accuracy-chart").setAttribute("aria-label", say("accuracyLabel", { train: shown(last?.accuracy, percent), test: shown(test?.accuracy, percent), images }));
  $("loss-chart").setAttribute("aria-label", say("lossLabel", { train: shown(last?.loss, (v) => v.toFixed(3)), test: shown(test?.loss, (v) => v.toFixed(3)), images }));
  drawFilters();
}
function drawFilters() {
  const filters = training.filters;
  const canvas = $("filters");
  if (!filters) {
    sized(canvas, 40);
    canvas.setAttribute("aria-label", say("noFilters"));
    return;
  }
  const { values, count, side, dense } = filters;
  const shown = Math.min(count, dense ? 32 : 24);
  const width = canvas.clientWidth || 300;
  const columns = Math.min(shown, Math.max(4, Math.floor(width / (dense ? 72 : 92))));
  const cell = Math.min(width / columns, 120);
  const [context] = sized(canvas, Math.ceil(shown / columns) * cell);
  const parse = (name) => colour(name).match(/\w\w/g).map((pair) => parseInt(pair, 16));
  const [warm, cool, paper] = ["warm", "cool", "card"].map(parse);
  context.imageSmoothingEnabled = dense;
  for (let k = 0; k < shown; ++k) {
    let most = 1e-9;
    for (let i = 0; i < side * side; ++i) most = Math.max(most, Math.abs(values[i * count + k]));
    const data = new ImageData(side, side);
    for (let i = 0; i < side * side; ++i) {
      const share = values[i * count + k] / most;
      const to = share > 0 ? warm : cool;
      data.data.set([...paper.map((c, j) => c + (to[j] - c) * Math.abs(share)), 255], 4 * i);
    }
    const small = Object.assign(document.createElement("canvas"), { width: side, height: side });
    small.getContext("2d").putImageData(data, 0, 0);
    const gap = cell * 0.08;
    context.drawImage(small, (k % columns) * cell, Math.floor(k / columns) * cell, cell - gap, cell - gap);
  }
  canvas.setAttribute("aria-label", say("filtersLabel", { count, side }));
}
redraws.push(drawTraining);

let waitingHidden = false;
document.addEventListener("visibilitychange", () => {
  if (document.hidden && training.running) {
    waitingHidden = true;
    ask("run", { running: false });
  } else if (!document.hidden && waitingHidden) {
    waitingHidden = false;
    ask("run", { running: true });
    setState(say("stateHidden"));
  }
});

// ---- draw ----

const board = $("board");
let strokes = []; // lists of points, in the board's pixels
let picture = null; // a test image or a photograph instead: 784 values
let drawn = new Float32Array(784);
board.setAttribute("aria-label", say("board"));
$("seen").setAttribute("aria-label", say("seenAs"));

function paintBoard() {
  const context = board.getContext("2d");
  context.fillStyle = "#14121c";
  context.fillRect(0, 0, board.width, board.height);
  if (picture) {
    context.imageSmoothingEnabled = true;
    context.drawImage(greyCanvas(picture), 0, 0, board.width, board.height);
    return;
  }
  if (strokes.length === 0) {
    Object.assign(context, { fillStyle: "#8d88a5", font: "30px system-ui, sans-serif", textAlign: "center" });
    context.fillText(say("writeHere"), board.width / 2, board.height / 2);
  }
  Object.assign(context, { strokeStyle: "#fff", lineWidth: 38, lineCap: "round", lineJoin: "round" });
  for (const points of strokes) strokePath(context, points);
}
function strokePath(context, points) {
  context.beginPath();
  context.moveTo(...points[0]);
  if (points.length === 1) context.lineTo(points[0][0] + 0.1, points[0][1]);
  for (let i = 1; i < points.length - 1; ++i) {
    const [x, y] = points[i];
    const [nextX, nextY] = points[i + 1];
    context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  if (points.length > 1) context.lineTo(...points.at(-1));
  context.stroke();
}

/// As MNIST was made: the ink, of values from 0 to 1, width x height, goes into 28x28 with its
/// centre of mass in the middle.
function centred(ink, width, height) {
  let mass = 0, right = 0, down = 0;
  for (let y = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x) {
      const value = ink[y * width + x];
      mass += value;
      right += value * x;
      down += value * y;
    }
  }
  const result = new Float32Array(784);
  if (mass === 0) return result;
  const limit = (shift, extent) => Math.min(Math.max(shift, 0), 28 - extent);
  const left = limit(Math.round(13.5 - right / mass), width);
  const top = limit(Math.round(13.5 - down / mass), height);
  for (let y = 0; y < height; ++y) for (let x = 0; x < width; ++x) result[(top + y) * 28 + left + x] = ink[y * width + x];
  return result;
}
/// Means of boxes: a grey image, from 0 to 1, of another size.
function reduced(grey, width, height, newWidth, newHeight) {
  const result = new Float32Array(newWidth * newHeight);
  for (let y = 0; y < newHeight; ++y) {
    for (let x = 0; x < newWidth; ++x) {
      const x0 = (x * width) / newWidth, x1 = ((x + 1) * width) / newWidth;
      const y0 = (y * height) / newHeight, y1 = ((y + 1) * height) / newHeight;
      let sum = 0, area = 0;
      for (let v = Math.floor(y0); v < Math.min(Math.ceil(y1), height); ++v) {
        for (let u = Math.floor(x0); u < Math.min(Math.ceil(x1), width); ++u) {
          const weight = (Math.min(u + 1, x1) - Math.max(u, x0)) * (Math.min(v + 1, y1) - Math.max(v, y0));
          sum += weight * grey[v * width + u];
          area += weight;
        }
      }
      result[y * newWidth + x] = area > 0 ? sum / area : 0;
    }
  }
  return result;
}
/// The strokes fitted into 20x20 pixels, with a pen as wide as MNIST's, whatever size they were
/// drawn in.
function inkOfStrokes() {
  const points = strokes.flat();
  if (points.length === 0) return new Float32Array(784);
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  const pen = 2.3, fine = 10;
  const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 60);
  const scale = ((20 - pen) / extent) * fine;
  const width = Math.ceil(((Math.max(...xs) - Math.min(...xs)) * scale) / fine + pen);
  const height = Math.ceil(((Math.max(...ys) - Math.min(...ys)) * scale) / fine + pen);
  const canvas = Object.assign(document.createElement("canvas"), { width: width * fine, height: height * fine });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { strokeStyle: "#fff", lineWidth: pen * fine, lineCap: "round", lineJoin: "round" });
  const place = ([x, y]) => [(x - Math.min(...xs)) * scale + (pen * fine) / 2, (y - Math.min(...ys)) * scale + (pen * fine) / 2];
  for (const stroke of strokes) strokePath(context, stroke.map(place));
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const grey = Float32Array.from({ length: canvas.width * canvas.height }, (all, i) => data[4 * i + 3] / 255);
  return centred(reduced(grey, canvas.width, canvas.height, width, height), width, height);
}

/// A photograph: what stands out from its surroundings, as ink. Throws a sentence where nothing or
/// too much does.
function inkOfPicture(bitmap) {
  const scale = Math.min(1, 240 / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const data = context.getImageData(0, 0, width, height).data;
  const grey = Float32Array.from({ length: width * height }, (all, i) => (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255);
  // The background: the mean of wide surroundings, from a table of sums.
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; ++y) {
    let row = 0;
    for (let x = 0; x < width; ++x) {
      row += grey[y * width + x];
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  const reach = Math.round(0.5 * Math.max(width, height));
  const surroundings = (x, y) => {
    const x0 = Math.max(0, x - reach), x1 = Math.min(width, x + reach + 1);
    const y0 = Math.max(0, y - reach), y1 = Math.min(height, y + reach + 1);
    const at = (v, u) => sums[v * (width + 1) + u];
    return (at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0)) / ((x1 - x0) * (y1 - y0));
  };
  const over = grey.map((value, i) => value - surroundings(i % width, Math.floor(i / width)));
  const edge = [];
  for (let x = 0; x < width; ++x) edge.push(grey[x], grey[(height - 1) * width + x]);
  for (let y = 0; y < height; ++y) edge.push(grey[y * width], grey[y * width + width - 1]);
  edge.sort((a, b) => a - b);
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  const light = edge[edge.length >> 1] < mean; // light ink on a dark ground
  const ink = over.map((value) => Math.max(0, light ? value : -value));
  const most = ink.reduce((a, b) => Math.max(a, b), 0);
  if (most < 0.12) throw new Error(say("emptyPicture"));
  const threshold = otsu(ink, most);
  const inked = ink.map((value) => (value > threshold ? 1 : 0));
  const share = inked.reduce((sum, value) => sum + value, 0) / inked.length;
  if (share > 0.45) throw new Error(say("fullPicture", { share: percent(share, 0) }));
  const box = largestParts(inked, width, height);
  const [x0, y0, x1, y1] = box.bounds;
  const cut = new Float32Array((x1 - x0) * (y1 - y0));
  const level = Math.max(threshold * 1.6, most * 0.6);
  for (let y = y0; y < y1; ++y) for (let x = x0; x < x1; ++x) {
    cut[(y - y0) * (x1 - x0) + x - x0] = box.kept[y * width + x] ? Math.min(1, ink[y * width + x] / level) : 0;
  }
  const longest = Math.max(x1 - x0, y1 - y0);
  const fit = (extent) => Math.max(1, Math.round((20 * extent) / longest));
  let small = reduced(cut, x1 - x0, y1 - y0, fit(x1 - x0), fit(y1 - y0));
  const brightest = small.reduce((a, b) => Math.max(a, b), 0);
  small = small.map((value) => Math.min(1, value / brightest));
  return { image: centred(small, fit(x1 - x0), fit(y1 - y0)), colours: say(light ? "lightOnDark" : "darkOnLight") };
}
/// The level that parts the values best in two (Otsu, "A threshold selection method from gray-level
/// histograms", 1979).
function otsu(values, most) {
  const bins = new Float64Array(64);
  for (const value of values) bins[Math.min(63, Math.floor((64 * value) / most))]++;
  const total = values.length;
  const all = bins.reduce((sum, count, i) => sum + i * count, 0);
  let below = 0, sum = 0, best = 0, place = 0;
  for (let i = 0; i < 63; ++i) {
    below += bins[i];
    sum += i * bins[i];
    if (below === 0 || below === total) continue;
    const spread = below * (total - below) * (sum / below - (all - sum) / (total - below)) ** 2;
    if (spread > best) [best, place] = [spread, i];
  }
  return (most * (place + 1)) / 64;
}
/// The largest connected part and those near it that are not specks.
function largestParts(inked, width, height) {
  const label = new Int32Array(inked.length);
  const parts = [];
  for (let start = 0; start < inked.length; ++start) {
    if (!inked[start] || label[start]) continue;
    const part = { id: parts.length + 1, size: 0, x0: width, y0: height, x1: 0, y1: 0 };
    const open = [start];
    label[start] = part.id;
    while (open.length > 0) {
      const i = open.pop();
      const x = i % width, y = (i - x) / width;
      part.size++;
      Object.assign(part, { x0: Math.min(part.x0, x), y0: Math.min(part.y0, y), x1: Math.max(part.x1, x + 1), y1: Math.max(part.y1, y + 1) });
      for (const [u, v] of [[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1], [x - 1, y - 1], [x + 1, y + 1], [x + 1, y - 1], [x - 1, y + 1]]) {
        const j = v * width + u;
        if (u < 0 || v < 0 || u >= width || v >= height || label[j] || !inked[j]) continue;
        label[j] = part.id;
        open.push(j);
      }
    }
    parts.push(part);
  }
  const main = parts.reduce((a, b) => (b.size > a.size ? b : a));
  const near = 0.25 * Math.max(main.x1 - main.x0, main.y1 - main.y0);
  const kept = parts.filter((part) => part.size >= 0.08 * main.size && part.x0 < main.x1 + near && part.x1 > main.x0 - near &&
    part.y0 < main.y1 + near && part.y1 > main.y0 - near);
  const ids = new Set(kept.map(({ id }) => id));
  const reach = (pick, key) => pick(...kept.map((part) => part[key]));
  return { kept: label.map((id) => (ids.has(id) ? 1 : 0)), bounds: [reach(Math.min, "x0"), reach(Math.min, "y0"), reach(Math.max, "x1"), reach(Math.max, "y1")] };
}

let answers = null;
function recognise() {
  drawn = picture ?? inkOfStrokes();
  show($("seen"), drawn, 84);
  askBoth();
}
const askBoth = latest(async () => {
  answers = drawn.some((value) => value > 0) ? await ask("answer", { image: drawn }) : null;
  showAnswers();
  drawMaps();
});
const DOUBT = {}; // of the shipped network: quantiles
const ambiguityLeast = () => Number($("ambiguity").value) / 100;
/// The distance slider: from 90 % to beyond what any real digit comes to.
const distanceShare = () => 1 - 10 ** (-1 - (3 * Number($("distance").value)) / 100);
const quantile = (values, share) => values[Math.min(values.length - 1, Math.floor(share * values.length))];

function verdict({ probabilities, distance }, doubt) {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  if (distance !== null && doubt) {
    const share = distanceShare();
    if ($("distance").value !== "100" && !(distance <= quantile(doubt.distances, share))) {
      return { refused: true, order, why: say("strange", { share: percent(share, share > 0.99 ? 2 : 1) }) };
    }
  }
  const best = probabilities[order[0]];
  if (!(best >= ambiguityLeast())) {
    return { refused: true, order, why: say("doubtful", { first: order[0], second: order[1], share: percent(best, 0), least: percent(ambiguityLeast(), 0) }) };
  }
  return { refused: false, order, why: "" };
}
function showAnswer(card, answer, doubt, without) {
  const line = card.querySelector(".verdict");
  const bars = card.querySelectorAll(".bars li");
  const result = answer ? verdict(answer, doubt) : null;
  const text = result ? (result.refused ? say("unknown") : say("answer", { digit: result.order[0] })) : "";
  if (line.textContent !== text) line.textContent = text;
  line.className = `verdict ${result ? (result.refused ? "refused" : "sure") : ""}`;
  card.querySelector(".why").textContent = result ? result.why : without;
  card.dataset.answer = result ? (result.refused ? "refused" : String(result.order[0])) : "";
  bars.forEach((bar, digit) => {
    const share = answer ? answer.probabilities[digit] : 0;
    bar.style.setProperty("--share", css(share));
    bar.lastChild.textContent = answer ? percent(share) : "";
    bar.className = result && result.order[0] === digit ? "best" : "";
  });
}
function showAnswers() {
  showAnswer($("answer-shipped"), answers?.shipped, DOUBT.shipped, say("nothing"));
  showAnswer($("answer-own"), answers?.own, answers?.own?.doubt, say(training.images > 0 ? "nothing" : "untrained"));
}
for (const list of document.querySelectorAll(".bars")) {
  for (let digit = 0; digit < 10; ++digit) list.insertAdjacentHTML("beforeend", `<li><span>${digit}</span><i aria-hidden="true"></i><span></span></li>`);
}
function slidersMoved() {
  $("ambiguity-shown").textContent = percent(ambiguityLeast(), 0);
  const share = distanceShare();
  $("distance-shown").textContent = $("distance").value === "100" ? "–" : percent(share, share > 0.99 ? 2 : 1);
  $("distance").setAttribute("aria-valuetext", $("distance-shown").textContent);
  showAnswers();
}
$("ambiguity").oninput = $("distance").oninput = slidersMoved;

function drawMaps() {
  const which = $("maps-of").value === "own" && answers?.own ? "own" : "shipped";
  const maps = answers?.[which].maps ?? [];
  const canvases = maps.map(({ name, shape: [height, width, count], values }) => {
    const shown = Math.min(count, 32);
    const columns = Math.min(shown, 16);
    const gap = 2;
    const canvas = Object.assign(document.createElement("canvas"), { width: columns * (width + gap), height: Math.ceil(shown / columns) * (height + gap) });
    const context = canvas.getContext("2d");
    for (let k = 0; k < shown; ++k) {
      let low = Infinity, high = -Infinity;
      for (let i = 0; i < width * height; ++i) {
        low = Math.min(low, values[i * count + k]);
        high = Math.max(high, values[i * count + k]);
      }
      const data = new ImageData(width, height);
      for (let i = 0; i < width * height; ++i) {
        const share = high > low ? (values[i * count + k] - low) / (high - low) : 0;
        data.data.set([255 * Math.min(1, share * 1.6), 255 * share * share, 90 * (1 - share) + 120 * share ** 4, 255], 4 * i);
      }
      context.putImageData(data, (k % columns) * (width + gap), Math.floor(k / columns) * (height + gap));
    }
    canvas.style.imageRendering = "pixelated";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", say("mapsLabel", { count: shown, name }));
    return canvas;
  });
  $("maps").replaceChildren(...canvases);
}
$("maps-of").onchange = drawMaps;

const boardPoint = (event) => {
  const box = board.getBoundingClientRect();
  return [((event.clientX - box.left) * board.width) / box.width, ((event.clientY - box.top) * board.height) / box.height];
};
let pen = null;
board.onpointerdown = (event) => {
  event.preventDefault();
  board.setPointerCapture(event.pointerId);
  if (picture) clearBoard();
  pen = event.pointerId;
  strokes.push([boardPoint(event)]);
  paintBoard();
};
board.onpointermove = (event) => {
  if (pen !== event.pointerId) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const one of events.length ? events : [event]) {
    const point = boardPoint(one);
    const [x, y] = strokes.at(-1).at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) > 2) strokes.at(-1).push(point);
  }
  paintBoard();
  recognise();
};
board.onpointerup = board.onpointercancel = (event) => {
  if (pen !== event.pointerId) return;
  pen = null;
  recognise();
};
board.onkeydown = (event) => {
  if (event.key === "Delete" || event.key === "Escape") { clearBoard(); recognise(); }
};
function clearBoard() {
  strokes = [];
  picture = null;
  $("picture-note").textContent = "";
  paintBoard();
}
$("clear").onclick = () => { clearBoard(); recognise(); };
$("undo").onclick = () => { if (picture) clearBoard(); else strokes.pop(); paintBoard(); recognise(); };

async function readPicture(file) {
  clearBoard();
  try {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      throw new Error(say("noPicture", { name: file.name }));
    }
    const { image, colours } = inkOfPicture(bitmap);
    picture = image;
    $("picture-note").textContent = say("readPicture", { colours });
  } catch (error) {
    $("picture-note").textContent = error.message;
  }
  paintBoard();
  recognise();
}
$("photo").onchange = (event) => {
  if (event.target.files[0]) readPicture(event.target.files[0]);
  event.target.value = "";
};
const section = $("draw");
for (const name of ["dragenter", "dragover"]) section.addEventListener(name, (event) => { event.preventDefault(); $("drop").classList.add("over"); });
for (const name of ["dragleave", "drop"]) section.addEventListener(name, () => $("drop").classList.remove("over"));
section.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) readPicture(event.dataTransfer.files[0]);
});
addEventListener("dragover", (event) => event.preventDefault()); // a picture dropped beside does not
addEventListener("drop", (event) => event.preventDefault()); // take the page's place

let labels = [];
let learned = 0;
const random = (below) => Math.floor(Math.random() * below);
/// A random image of a digit: of the test images, which no network here has learned from.
function imageOf(digit) {
  for (;;) {
    const index = learned + random(labels.length - learned);
    if (labels[index] === digit) return index;
  }
}
for (let digit = 0; digit < 10; ++digit) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
  button.setAttribute("aria-label", say("sampleOf", { digit }));
  button.onclick = async () => {
    if (labels.length === 0) return;
    const { image } = await ask("sample", { index: imageOf(digit) });
    clearBoard();
    picture = image;
    paintBoard();
    recognise();
  };
  $("samples").append(button);
}

// ---- imagine ----

const LATENT = 64, CLASS_WEIGHT = 4, REACH = 2.6, MAP = 11;
const scene = { digit: 3, x: 0.25, y: 0.2, axes: null };
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
/// Two directions at right angles, and how far from the middle the plane lies.
function newAxes() {
  const draw = () => Float32Array.from({ length: LATENT }, normal);
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const unit = (v) => v.map((value) => value / Math.sqrt(dot(v, v)));
  const across = unit(draw());
  let up = draw();
  const along = dot(up, across);
  up = unit(up.map((value, i) => value - along * across[i]));
  return { across, up, middle: draw().map((value) => 0.35 * value) };
}
scene.axes = newAxes();
function latentAt(x, y, digit, into, offset) {
  const { across, up, middle } = scene.axes;
  for (let i = 0; i < LATENT; ++i) into[offset + i] = middle[i] + REACH * 1.6 * (x * across[i] + y * up[i]);
  into[offset + LATENT + digit] = CLASS_WEIGHT;
}
const WIDTH = LATENT + 10;

const imagine = latest(async () => {
  const latents = new Float32Array(WIDTH);
  latentAt(scene.x, scene.y, scene.digit, latents, 0);
  const { images, logits } = await ask("generate", { latents, digits: [scene.digit], judged: true });
  show($("imagined"), images, 336);
  $("imagined").setAttribute("aria-label", say("imagined", { digit: scene.digit }));
  $("imagined-note").textContent = say("imagined", { digit: scene.digit });
  const share = 1 / (1 + Math.exp(-logits[0]));
  $("judgement").firstElementChild.style.left = css(share);
  $("judgement").setAttribute("aria-valuenow", Math.round(100 * share));
  $("judgement").setAttribute("aria-label", say("judged", { share: percent(share, 0) }));
  $("judged").textContent = say("judged", { share: percent(share, 0) });
});
const drawMap = latest(async () => {
  const latents = new Float32Array(WIDTH * MAP * MAP);
  const at = (k) => (2 * k) / (MAP - 1) - 1;
  for (let row = 0; row < MAP; ++row) for (let column = 0; column < MAP; ++column) {
    latentAt(at(column) * (1 - 1 / MAP), -at(row) * (1 - 1 / MAP), scene.digit, latents, WIDTH * (row * MAP + column));
  }
  const { images } = await ask("generate", { latents, digits: Array(MAP * MAP).fill(scene.digit), judged: false });
  const context = $("plane-map").getContext("2d");
  context.imageSmoothingQuality = "high";
  const cell = $("plane-map").width / MAP;
  for (let i = 0; i < MAP * MAP; ++i) {
    context.drawImage(greyCanvas(images.subarray(784 * i, 784 * (i + 1))), (i % MAP) * cell, Math.floor(i / MAP) * cell, cell, cell);
  }
});
function moveTo(x, y) {
  const limit = (value) => Math.min(1, Math.max(-1, value));
  scene.x = limit(x);
  scene.y = limit(y);
  $("point").style.left = css((scene.x + 1) / 2);
  $("point").style.top = css((1 - scene.y) / 2);
  $("plane").setAttribute("aria-valuenow", Math.round(100 * scene.x));
  $("plane").setAttribute("aria-valuetext", say("planeAt", { x: Math.round(100 * scene.x), y: Math.round(100 * scene.y) }));
  if (worker) imagine();
}
$("plane").setAttribute("aria-label", say("plane"));
const planePoint = (event) => {
  const box = $("plane").getBoundingClientRect();
  moveTo((2 * (event.clientX - box.left)) / box.width - 1, 1 - (2 * (event.clientY - box.top)) / box.height);
};
$("plane").onpointerdown = (event) => { stopStroll(); $("plane").setPointerCapture(event.pointerId); planePoint(event); };
$("plane").onpointermove = (event) => { if (event.buttons) planePoint(event); };
$("plane").onkeydown = (event) => {
  const step = event.shiftKey ? 0.2 : 0.05;
  const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
  if (!move) return;
  event.preventDefault();
  stopStroll();
  moveTo(scene.x + move[0], scene.y + move[1]);
};
function chooseDigit(digit) {
  scene.digit = digit;
  [...$("digits").children].forEach((button, i) => {
    button.setAttribute("aria-checked", String(i === digit));
    button.tabIndex = i === digit ? 0 : -1;
  });
  if (worker) { drawMap(); imagine(); }
}
$("digits").setAttribute("aria-label", say("digit"));
for (let digit = 0; digit < 10; ++digit) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit, onclick: () => chooseDigit(digit) });
  button.setAttribute("role", "radio");
  $("digits").append(button);
}
$("digits").onkeydown = (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: 9, ArrowUp: 9 }[event.key];
  if (!step) return;
  event.preventDefault();
  chooseDigit((scene.digit + step) % 10);
  $("digits").children[scene.digit].focus();
};
$("new-plane").onclick = () => { scene.axes = newAxes(); drawMap(); imagine(); };
let walking = 0;
function stopStroll() {
  cancelAnimationFrame(walking);
  walking = 0;
  $("stroll").textContent = say("stroll");
}
$("stroll").onclick = () => {
  if (walking) return stopStroll();
  $("stroll").textContent = say("stopStroll");
  const start = performance.now();
  const step = (now) => {
    const t = (now - start) / 1000;
    moveTo(0.75 * Math.sin(0.7 * t), 0.75 * Math.sin(1.1 * t + 0.6));
    walking = requestAnimationFrame(step);
  };
  walking = requestAnimationFrame(step);
};

const game = { rounds: 0, you: 0, judge: 0, place: 0, judged: 0, open: false };
const deal = latest(async () => {
  const digit = random(10);
  const picked = new Set();
  while (picked.size < 8) picked.add(imageOf(digit));
  const latents = new Float32Array(WIDTH);
  for (let i = 0; i < LATENT; ++i) latents[i] = normal();
  latents[LATENT + digit] = CLASS_WEIGHT;
  game.place = random(9);
  const { images, logits } = await ask("game", { digit, latents, place: game.place, picked: [...picked] });
  game.judged = logits.indexOf(Math.min(...logits));
  game.open = true;
  $("tiles").replaceChildren(...images.map((image, place) => {
    const button = Object.assign(document.createElement("button"), { type: "button", onclick: () => guess(place) });
    button.setAttribute("aria-label", say("gameTile", { number: place + 1 }));
    const canvas = document.createElement("canvas");
    show(canvas, image, 112);
    button.append(canvas);
    return button;
  }));
  $("tiles").dataset.place = game.place;
  $("game-note").textContent = "";
});
function guess(place) {
  if (!game.open) return;
  game.open = false;
  game.rounds++;
  if (place === game.place) game.you++;
  if (game.judged === game.place) game.judge++;
  [...$("tiles").children].forEach((button, i) => {
    button.disabled = true;
    button.classList.toggle("generated", i === game.place);
    button.classList.toggle("chosen", i === place);
  });
  $("game-note").textContent = `${say(place === game.place ? "gameRight" : "gameWrong", { place: game.place + 1 })} ${say("gameJudge", { place: game.judged + 1 })}`;
  $("score").textContent = say("score", game);
}
$("next").onclick = () => labels.length > 0 && deal();

// ---- prove ----

// The proof goes on in short parts, so that the worker can answer other questions between them.
const PROOF_STEPS = 10;
const proof = { running: false, made: 0, steps: 0, seconds: 0, losses: [], hash: "", hashOfTen: "" };

async function prove(goal) {
  proof.running = true;
  try {
    if (proof.made === proof.steps) {
      const { steps } = await ask("proveBegin");
      Object.assign(proof, { steps, made: 0, seconds: 0, losses: [] });
    }
    while (proof.running && proof.made < Math.min(goal, proof.steps)) {
      showProof();
      const { losses, hash, seconds } = await ask("proveSteps", { count: 2 });
      proof.made += losses.length;
      proof.seconds += seconds;
      proof.hash = hash;
      if (proof.made <= PROOF_STEPS) proof.losses.push(...losses);
      if (proof.made === PROOF_STEPS) proof.hashOfTen = hash;
    }
  } finally {
    proof.running = false;
    showProof();
  }
}
function showProof() {
  const cells = (values) => values.map((value) => `<td>${value}</td>`).join("");
  // Nine digits tell every float from its neighbours.
  $("losses").innerHTML = NATIVE.losses.map((native, i) => {
    const here = proof.losses[i];
    const same = here === undefined ? "" : say(Math.fround(native) === here ? "equal" : "unequal");
    return `<tr>${cells([i + 1, native.toPrecision(9), here?.toPrecision(9) ?? "", same])}</tr>`;
  }).join("");
  const over = proof.steps > 0 && proof.made === proof.steps;
  const native = NATIVE[over ? "after the epoch" : "after 10 steps"];
  const here = over ? proof.hash : proof.hashOfTen;
  $("hash-native").textContent = native;
  $("hash-here").textContent = here;
  $("hash-title").textContent = say("hashAfter", { steps: over ? proof.steps : PROOF_STEPS });
  const same = proof.losses.every((loss, i) => loss === Math.fround(NATIVE.losses[i])) && here === native;
  let text = say("proving", { made: proof.made, steps: proof.steps || PROOF_STEPS });
  if (proof.made === 0 && !proof.running) text = "";
  else if (!proof.running && here !== "") text = say(same ? "same" : "differs", { steps: over ? proof.steps : PROOF_STEPS, seconds: proof.seconds.toFixed(1) });
  $("proof").textContent = text;
  $("proof").className = `verdict small ${proof.running || here === "" ? "" : same ? "sure" : "refused"}`;
  $("again").textContent = say(proof.running ? "pause" : over ? "again" : proof.made > PROOF_STEPS ? "goOn" : "proveAll");
  $("again").disabled = !worker;
}
$("again").onclick = () => {
  if (proof.running) proof.running = false;
  else prove(Infinity).catch((error) => trouble(explain(error.message)));
};

// ---- the picture at the top: digits that the generator draws, drifting ----

async function drawHero() {
  const canvas = $("hero");
  const count = 60;
  const latents = new Float32Array(WIDTH * count);
  const digits = Array.from({ length: count }, (all, i) => i % 10);
  digits.forEach((digit, i) => {
    for (let k = 0; k < LATENT; ++k) latents[i * WIDTH + k] = normal();
    latents[i * WIDTH + LATENT + digit] = CLASS_WEIGHT;
  });
  const { images } = await ask("generate", { latents, digits, judged: false });
  const sprites = (accent) => digits.map((digit, i) => {
    const sprite = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
    const data = new ImageData(28, 28);
    for (let k = 0; k < 784; ++k) data.data.set([...accent, 255 * images[784 * i + k]], 4 * k);
    sprite.getContext("2d").putImageData(data, 0, 0);
    return sprite;
  });
  const paint = () => {
    const [context, width, height] = sized(canvas);
    const rgb = colour("accent").match(/\w\w/g).map((pair) => parseInt(pair, 16));
    const drawnSprites = sprites(rgb);
    const cell = 58;
    for (let i = 0, y = 0; y < height; y += cell) {
      for (let x = 0; x < width; x += cell, ++i) {
        const share = Math.max(0, (x + cell / 2) / width - 0.42) / 0.58;
        context.globalAlpha = width < 700 ? 0.09 : 0.85 * share ** 1.4;
        context.drawImage(drawnSprites[(i * 7 + Math.floor(y / cell)) % count], x, y, cell, cell);
      }
    }
  };
  paint();
  redraws.push(paint);
}

// ---- MNIST's own files ----

/// The numbers in a file of MNIST, packed or not: { count, values }. Its first bytes say which kind
/// it is, and how many images or labels there are.
async function readIdx(file) {
  let bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    bytes = new Uint8Array(await new Response(file.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
  }
  const kind = bytes[3] === 3 ? "images" : "labels";
  const head = kind === "images" ? 16 : 8;
  const count = bytes.length > head ? new DataView(bytes.buffer).getUint32(4) : 0;
  if (bytes[2] !== 8 || bytes.length !== head + count * (kind === "images" ? 784 : 1)) throw new Error(say("noMnist", { name: file.name }));
  return { kind, count, values: bytes.subarray(head) };
}
async function takeMnist(list) {
  const files = await Promise.all([...list].map(readIdx));
  const part = (kind, count) => files.find((file) => file.kind === kind && file.count === count)?.values;
  const [learn, learnLabels, test, testLabels] = [part("images", 60000), part("labels", 60000), part("images", 10000), part("labels", 10000)];
  if (!learn || !learnLabels || !test || !testLabels) throw new Error(say("mnistLacks"));
  if (String(learnLabels.subarray(0, 10)) !== "5,0,4,1,9,2,1,3,1,4") throw new Error(say("mnistOther"));
  const images = new Uint8Array(785 * 12000);
  images.set(learn.subarray(0, 784 * 10000));
  images.set(test.subarray(0, 784 * 2000), 784 * 10000);
  images.set(learnLabels.subarray(0, 10000), 784 * 12000);
  images.set(testLabels.subarray(0, 2000), 784 * 12000 + 10000);
  await ask("images", { images, learn: 10000 });
  ({ labels, learn: learned } = await ask("labels"));
  generated = false;
  showSource();
  begin();
  await beginWithMnist();
}
$("mnist-files").onchange = async (event) => {
  const { files } = event.target;
  if (!worker || files.length === 0) return;
  try {
    await takeMnist(files);
  } catch (error) {
    $("mnist-said").textContent = error.message;
  }
  event.target.value = "";
};
async function beginWithMnist() {
  deal();
  await prove(PROOF_STEPS);
}

// ---- the beginning ----

let firstPrediction = null; // { at, took, memory }: ms since the page was asked for, ms, bytes

addEventListener("resize", () => { for (const redraw of redraws) redraw(); });

async function open() {
  setTheme(systemTheme.matches);
  showBuilder();
  showButtons();
  rateMoved();
  slidersMoved();
  showProof();
  paintBoard();
  moveTo(scene.x, scene.y);
  chooseDigit(scene.digit);
  drawTraining();
  const missing = NN.missing();
  if (missing) return trouble(say("missing", { what: missing }));
  $("opened").textContent = say("loading");
  const url = URL.createObjectURL(new Blob([$("worker").textContent], { type: "text/javascript" }));
  const made = new Worker(url);
  made.onmessage = ({ data }) => {
    if (data.type === "progress") return progress(data);
    if (data.type === "drawing") return void ($("opened").textContent = say("drawing", { made: number(data.made), count: number(data.count) }));
    if (data.type === "failed") return trouble(explain(data.message));
    const { resolve, reject } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error !== undefined) reject(new Error(data.error));
    else resolve(data.result);
  };
  made.onerror = (event) => trouble(explain(event.message ?? "worker"));
  worker = made;
  try {
    const files = Object.fromEntries(["classifier", "doubt", "generator", "discriminator"].map((name) => [name, bytesOf(name)]));
    const opened = await ask("open", { wasm: bytesOf("wasm"), proof: bytesOf("proof"), images: generated ? null : bytesOf("images"), files, learn: LEARN, test: TEST, texts: NETWORKS });
    firstPrediction = { at: performance.now(), took: opened.first, memory: opened.memory };
    DOUBT.shipped = { distances: DISTANCES };
    $("opened").textContent = say("opened", { parameters: number(opened.parameters), first: opened.first.toFixed(0), memory: number(opened.memory / 1e6) });
    ({ labels, learn: learned } = await ask("labels"));
  } catch (error) {
    worker = null;
    $("opened").textContent = "";
    return trouble(explain(error.message));
  }
  showButtons();
  begin();
  await drawHero();
  chooseDigit(scene.digit);
  if (generated) await ask("labels"); // comes after what was asked before
  else await beginWithMnist();
  document.documentElement.dataset.ready = "yes";
}
open().catch((error) => trouble(explain(error.message)));
