// Uses the page as a person would: page_test.mjs PAGE [SCREENSHOT_FOLDER [WIDTH | broken | without]]
// At 1280 and at 390 pixels it trains, draws the ten digits, scribbles, opens and drops pictures, walks
// through the latent plane, plays the game and proves; then it comes with browsers that lack
// something. Nothing may complain on the console. How long it all takes is bench/web's matter.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { resolve, dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Browser, sleep } from "./driver.mjs";

const [page, shots, only] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const digitPicture = resolve(here, "../support/digit.png");
if (shots) mkdirSync(shots, { recursive: true });

let passed = 0;
let failed = 0;
function check(holds, what) {
  if (holds) ++passed;
  else ++failed;
  console.log(`${holds ? "passed" : "FAILED"}  ${what}`);
}

/// Whether text can be read in both themes: a contrast of 4.5 at least (WCAG 2.1, 1.4.3).
function checkContrast() {
  const style = readFileSync(resolve(here, "../../examples/web/style.css"), "utf8");
  const luminance = (hex) => {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const [theme, block] of [["light", /:root \{([^}]*)/], ["dark", /"dark"\] \{([^}]*)/]]) {
    const colours = Object.fromEntries([...style.match(block)[1].matchAll(/--([\w-]+): (#\w{6})/g)].map(([, name, hex]) => [name, hex]));
    const low = [["ink", "ground"], ["ink", "card"], ["soft", "ground"], ["soft", "card"], ["accent", "card"], ["accent", "ground"],
      ["on-accent", "accent"], ["train", "card"], ["test", "card"], ["good", "card"], ["bad", "card"], ["ink", "note"]].filter(([a, b]) => {
      const [dark, light] = [luminance(colours[a]), luminance(colours[b])].sort((x, y) => x - y);
      return (light + 0.05) / (dark + 0.05) < 4.5;
    });
    check(low.length === 0, `all text of the ${theme} theme stands out from its ground ${low.join("; ")}`);
  }
}

/// What a screen reader would find without a name.
const NAMELESS = `return [...document.querySelectorAll("button, input, select, a, [role=img], [role=slider], [role=meter], [role=radio]")]
  .filter((element) => element.closest("[hidden]") === null)
  .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.[0]?.textContent.trim()))
  .map((element) => element.id || element.outerHTML.slice(0, 60))`;

/// Points on an arc around (x, y), from one angle to another, in turns clockwise from the right.
const arc = (x, y, rx, ry, from, to, count = 14) =>
  Array.from({ length: count + 1 }, (all, i) => {
    const angle = 2 * Math.PI * (from + ((to - from) * i) / count);
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
const DIGITS = [
  [arc(0.5, 0.5, 0.2, 0.32, -0.25, 0.76, 22)],
  [[[0.54, 0.18], [0.5, 0.5], [0.47, 0.82]]],
  [[...arc(0.48, 0.33, 0.19, 0.16, -0.5, 0.1), [0.3, 0.8], [0.74, 0.78]]],
  [[...arc(0.46, 0.33, 0.17, 0.15, -0.45, 0.22), ...arc(0.46, 0.65, 0.2, 0.17, -0.22, 0.42)]],
  [[[0.36, 0.2], [0.31, 0.52], [0.7, 0.5]], [[0.64, 0.22], [0.6, 0.84]]],
  [[[0.68, 0.2], [0.38, 0.2], [0.35, 0.47], ...arc(0.47, 0.63, 0.2, 0.18, -0.3, 0.4)]],
  [[[0.6, 0.16], [0.44, 0.34], [0.34, 0.58], ...arc(0.5, 0.66, 0.16, 0.16, 0.5, -0.5, 18)]],
  [[[0.3, 0.22], [0.7, 0.22], [0.56, 0.52], [0.46, 0.84]]],
  [[...arc(0.5, 0.34, 0.13, 0.15, -0.1, -0.72, 10), ...arc(0.5, 0.67, 0.15, 0.17, -0.2, 0.75, 18), [0.6, 0.42], [0.63, 0.27]]],
  [[...arc(0.5, 0.34, 0.16, 0.16, 0, -1, 18), [0.65, 0.55], [0.6, 0.84]]],
];
const SCRIBBLES = {
  "a zigzag": [Array.from({ length: 15 }, (all, i) => [i % 2 ? 0.85 : 0.15, 0.12 + 0.055 * i])],
  "a hatching": [0.15, 0.3, 0.45, 0.6, 0.75, 0.9].flatMap((k) => [[[k, 0.1], [k - 0.05, 0.9]], [[0.1, k], [0.9, k - 0.05]]]),
  "a star": [Array.from({ length: 6 }, (all, i) => arc(0.5, 0.5, 0.4, 0.4, 0.15 + 0.4 * i, 0.15 + 0.4 * i, 1)[0])],
};

/// Waits until the worker has nothing left to do: each question comes behind all that came before.
const settle = (browser) =>
  browser.run("return (async () => { for (let i = 0; i < 4; ++i) { await ask('labels'); await new Promise((f) => setTimeout(f, 30)); } })()");

async function draw(browser, strokes, pointer) {
  await browser.click("#clear");
  await browser.drag("#board", strokes, pointer);
  await settle(browser);
  return browser.run(`return { shipped: document.querySelector("#answer-shipped").dataset.answer,
    own: document.querySelector("#answer-own").dataset.answer, why: document.querySelector("#answer-shipped .why").textContent }`);
}

async function visit(width, height, { dark, pointer, seconds }) {
  const size = `${width} pixels`;
  const browser = await Browser.open({ width, height, dark });
  const shot = async (name) => {
    if (shots) await browser.screenshot(`${shots}/${width}-${dark ? "dark" : "light"}-${name}.png`, name === "top" ? null : `#${name}`);
  };
  try {
    await browser.go(pathToFileURL(resolve(page)).href);
    await browser.until("return document.documentElement.dataset.ready === 'yes' || !document.querySelector('#trouble').hidden", "a page that is ready", 180);
    check(await browser.run("return document.querySelector('#trouble').hidden"), `${size}: the page opens from a file: ${await browser.run("return document.querySelector('#opened').textContent")}`);
    for (const other of [360, 1600, width]) {
      await browser.chrome("Emulation.setDeviceMetricsOverride", { width: other, height, deviceScaleFactor: 1, mobile: other < 500 });
      check(await browser.run("return document.documentElement.scrollWidth <= innerWidth"), `${size}: nothing is wider than a window of ${other}`);
    }
    const proof = await browser.run("return document.querySelector('#proof').textContent");
    check(proof.startsWith("The same bits: 10 steps"), `${size}: ${proof}`);
    await shot("top");

    const nameless = await browser.run(NAMELESS);
    check(nameless.length === 0, `${size}: all controls and pictures have names ${nameless.join("; ")}`);

    // By the keyboard alone; and the tab is put to sleep meanwhile.
    await browser.type("#start", "\uE007");
    await browser.until("return training.images > 0", "a training that begins", seconds);
    const hide = (hidden) => browser.run(`Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));`);
    await hide(true);
    await settle(browser);
    const asleep = await browser.run("return training.images");
    await sleep(500);
    check(asleep === (await browser.run("return training.images")), `${size}: out of sight, the training waits`);
    await hide(false);
    await browser.until(`return training.images > ${asleep}`, "a training that goes on", seconds);
    check((await browser.run("return document.querySelector('#state').textContent")).includes("out of sight"), `${size}: in sight again, it goes on and says so`);
    await browser.until("return document.querySelector('#state').textContent.startsWith('Done')", "the end of the training", seconds);
    const done = await browser.run("return { state: document.querySelector('#state').textContent, accuracy: training.tests.at(-1).accuracy }");
    check(done.accuracy >= 0.97, `${size}: at least 97 %: ${done.state}`);
    await shot("train");

    for (const [digit, strokes] of DIGITS.entries()) {
      const found = await draw(browser, strokes, pointer);
      check(found.shipped === String(digit), `${size}: a drawn ${digit} is read as ${found.shipped} (the page's own training: ${found.own}) ${found.why}`);
      if (digit === 3) await shot("draw");
    }
    for (const [name, strokes] of Object.entries(SCRIBBLES)) {
      const found = await draw(browser, strokes, pointer);
      check(found.shipped === "refused" && found.why.length > 20, `${size}: ${name} is answered ${found.shipped}: ${found.why}`);
    }

    await browser.type("#photo", digitPicture);
    await browser.until("return document.querySelector('#picture-note').textContent.length > 0", "a word about the picture");
    const read = await browser.run("return document.querySelector('#picture-note').textContent");
    check(read.startsWith("Read from the picture"), `${size}: a picture that is opened: ${read}`);
    await browser.run(`const data = new DataTransfer(); data.items.add(new File(["no picture"], "words.png", { type: "image/png" }));
      document.querySelector("#board").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }))`);
    await browser.until("return document.querySelector('#picture-note').textContent.includes('words.png')", "a word about what is no picture");
    check(true, `${size}: what is no picture is refused by name`);
    await browser.run(`const canvas = Object.assign(document.createElement("canvas"), { width: 300, height: 400 });
      const context = canvas.getContext("2d"); context.fillStyle = "#d8d2c4"; context.fillRect(0, 0, 300, 400);
      Object.assign(context, { strokeStyle: "#223", lineWidth: 18, lineCap: "round" });
      context.beginPath(); context.moveTo(90, 90); context.lineTo(210, 90); context.lineTo(140, 310); context.stroke();
      canvas.toBlob((blob) => { const data = new DataTransfer(); data.items.add(new File([blob], "seven.png", { type: "image/png" }));
        document.querySelector("#board").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); });`);
    await browser.until("return document.querySelector('#picture-note').textContent.includes('dark on light')", "a dropped photograph that is read");
    await browser.until("return document.querySelector('#answer-shipped').dataset.answer === '7'", "a seven in the dropped picture");
    check(true, `${size}: a dropped picture of a seven is read as 7`);

    const picture = "return document.querySelector('#imagined').toDataURL()";
    const before = await browser.run(picture);
    await browser.drag("#plane", [[[0.6, 0.4], [0.4, 0.5], [0.2, 0.7]]], pointer);
    await settle(browser);
    check(before !== (await browser.run(picture)), `${size}: dragged through the latent plane, the digit changes`);
    const dragged = await browser.run(picture);
    await browser.type("#plane", "\uE014\uE014\uE013");
    await settle(browser);
    check(dragged !== (await browser.run(picture)), `${size}: and by the arrow keys`);
    await browser.click("#digits button:nth-child(6)");
    await browser.until("return document.querySelector('#imagined-note').textContent.includes('5')", "a five");
    const place = Number(await browser.run("return document.querySelector('#tiles').dataset.place"));
    await browser.click(`#tiles button:nth-child(${place + 1})`);
    const score = await browser.run("return document.querySelector('#score').textContent");
    check(score.startsWith("You 1 of 1"), `${size}: the game keeps score: ${score}`);
    await shot("imagine");
    if (pointer === "mouse") { // the whole epoch, once
      await browser.click("#again");
      await browser.until("return !proof.running && proof.made === proof.steps", "the end of the proof", seconds);
      const all = await browser.run("return document.querySelector('#proof').textContent");
      check(all.startsWith("The same bits: 200 steps"), `${size}: ${all}`);
    }
    await shot("prove");

    await browser.click("[name=network][value=own]");
    await browser.run("document.querySelectorAll('#layers li button[aria-label^=Remove]')[6].click()"); // Flatten
    await browser.until("return document.querySelector('#state').textContent.includes('Flatten')", "the library's refusal");
    check(true, `${size}: an impossible network is refused: ${await browser.run("return document.querySelector('#state').textContent")}`);
    if (shots) await browser.screenshot(`${shots}/${width}-${dark ? "dark" : "light"}-own.png`, "#train");
    // A network that no memory holds: 784 times 900,000 weights.
    await browser.run("built.splice(0, built.length, ['flatten'], ['dense', 900000]); showBuilder(); begin()");
    await browser.until("return document.querySelector('#state').textContent.includes('no memory')", "a word about memory");
    check(await browser.run("return document.querySelector('#start').disabled && document.querySelector('#trouble').hidden"), `${size}: a network too large for the memory is refused: ${await browser.run("return document.querySelector('#state').textContent")}`);
    await browser.click("[name=network][value=mlp]");
    await browser.run("const rate = document.querySelector('#rate'); rate.value = 2; rate.dispatchEvent(new Event('input')); const o = document.querySelector('#optimizer'); o.value = 'sgd'; o.dispatchEvent(new Event('change'));");
    await browser.until("return !document.querySelector('#start').disabled && training.images === 0", "another network");
    await browser.click("#start");
    await browser.until("return !document.querySelector('#diverged').hidden", "a training that diverges", 120);
    const said = await browser.run("return document.querySelector('#diverged').textContent");
    check(said.includes("diverged") || said.includes("guessing"), `${size}: a rate of 100 is explained: ${said.slice(0, 60)}...`);
    if (shots) await browser.screenshot(`${shots}/${width}-${dark ? "dark" : "light"}-diverged.png`, "#train");
    const complaints = await browser.complaints();
    check(complaints.length === 0, `${size}: nothing on the console ${complaints.join(" | ")}`);
  } catch (error) {
    check(false, `${size}: ${error.message}`);
    const complaints = await browser.complaints().catch(() => []);
    if (complaints.length > 0) console.log(complaints.join("\n"));
    console.log(await browser.run("return document.querySelector('#trouble').textContent").catch(() => ""));
  } finally {
    await browser.close();
  }
}

/// Code that the page's worker runs before its own.
const inWorker = (code) => `{
  const Plain = Blob;
  Blob = class extends Plain {
    constructor(parts, options) {
      super(options?.type === "text/javascript" ? [${JSON.stringify(code)}, ...parts] : parts, options);
    }
  };
}`;
/// What a browser may lack or refuse: the page says so, and all of it that needs no module still works.
const BROKEN = [
  ["without WebAssembly", "delete window.WebAssembly;", "WebAssembly"],
  ["without SIMD", "{ const valid = WebAssembly.validate; WebAssembly.validate = (bytes) => bytes[bytes.length - 1] !== 11 && valid(bytes); }", "WebAssembly SIMD"],
  ["without exceptions", "{ const valid = WebAssembly.validate; WebAssembly.validate = (bytes) => bytes[bytes.length - 1] !== 0 && valid(bytes); }", "exceptions"],
  ["without memory", inWorker("WebAssembly.instantiate = async () => { throw new RangeError('could not allocate memory'); };"), "no memory"],
];
async function visitBroken([name, before, word]) {
  const browser = await Browser.open({ width: 390, height: 844, before });
  try {
    await browser.go(pathToFileURL(resolve(page)).href);
    await browser.until("return !document.querySelector('#trouble').hidden", "a word about what is missing", 120);
    const said = await browser.run("return document.querySelector('#trouble').textContent");
    check(said.includes(word), `a browser ${name} is told: ${said}`);
    if (shots) await browser.screenshot(`${shots}/${name.replace(" ", "-")}.png`);
    await browser.drag("#board", DIGITS[3], "mouse");
    await browser.drag("#plane", [[[0.6, 0.4], [0.2, 0.7]]], "mouse");
    for (const button of ["#theme", "#clear", "#next", "#new-plane", "#samples button", "[name=network][value=mlp]"]) await browser.click(button);
    const after = await browser.run("return { said: document.querySelector('#trouble').textContent, start: document.querySelector('#start').disabled }");
    const complaints = await browser.complaints();
    check(after.said === said && after.start && complaints.length === 0, `a browser ${name} can still draw, and nothing complains ${complaints.join(" | ")}`);
  } catch (error) {
    check(false, `a browser ${name}: ${error.message}`);
  } finally {
    await browser.close();
  }
}

/// The page without a data set: it trains on what its generator draws, until it is given MNIST.
async function visitWithout() {
  const browser = await Browser.open({ width: 1280, height: 900 });
  const what = "without a data set";
  try {
    await browser.go(pathToFileURL(resolve(here, "../../docs/web/index.html")).href);
    await browser.until("return document.documentElement.dataset.ready === 'yes' || !document.querySelector('#trouble').hidden", "a page that is ready", 300);
    check(await browser.run("return document.querySelector('#trouble').hidden && document.querySelector('#prove').hidden"), `${what}: the page opens: ${await browser.run("return document.querySelector('#opened').textContent")}`);
    await browser.click("#start");
    await browser.until("return training.done", "the end of the training", 600);
    check(await browser.run("return training.tests.at(-1).accuracy >= 0.97"), `${what}: ${await browser.run("return document.querySelector('#state').textContent")}`);
    const found = await draw(browser, DIGITS[3], "mouse");
    check(found.own === "3" && found.shipped === "3", `${what}: who learned from generated digits reads a drawn 3 as ${found.own}`);
    if (shots) await browser.screenshot(`${shots}/without-train.png`, "#train");
    await browser.type("#mnist-files", digitPicture);
    await browser.until("return document.querySelector('#mnist-said').textContent.includes('digit.png')", "a word about a file that is not MNIST's");
    const folder = [process.env.NN_DATA_DIR, `${process.env.NN_DATA_DIR}/mnist`].find((one) => existsSync(`${one}/train-images-idx3-ubyte.gz`));
    if (folder) {
      const files = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].map((name) => resolve(folder, `${name}-ubyte.gz`));
      await browser.type("#mnist-files", files.join("\n"));
      await browser.until("return !proof.running && proof.made === 10", "the proof with MNIST's images", 300);
      const said = await browser.run("return document.querySelector('#proof').textContent");
      check(said.startsWith("The same bits") && (await browser.run("return document.querySelector('#mnist').hidden")), `${what}, and then given MNIST: ${said}`);
    }
    const complaints = await browser.complaints();
    check(complaints.length === 0, `${what}: nothing on the console ${complaints.join(" | ")}`);
  } catch (error) {
    check(false, `${what}: ${error.message}`);
    console.log(await browser.complaints().catch(() => []));
  } finally {
    await browser.close();
  }
}

checkContrast();
const visits = [[1280, 900, { dark: false, pointer: "mouse", seconds: 600 }], [390, 844, { dark: true, pointer: "touch", seconds: 600 }]];
// Two at a time, on different cores.
await Promise.all(visits.filter(([width]) => !only || Number(only) === width).map((one) => visit(...one)));
await Promise.all([
  !only || only === "without" ? visitWithout() : null,
  (async () => { if (!only || only === "broken") for (const one of BROKEN) await visitBroken(one); })()]);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
