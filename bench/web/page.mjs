// The built page in headless Chromium: page.mjs PAGE [ROUNDS]
// From opening it to its first prediction, and LeNet's training to the end, as a visitor has it.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { Browser } from "../../tests/web/driver.mjs";

const [page, roundsWanted] = process.argv.slice(2);
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const found = [];
for (let round = 0; round < Number(roundsWanted ?? 5); ++round) {
  const browser = await Browser.open({ width: 1280, height: 900 });
  try {
    await browser.go(pathToFileURL(resolve(page)).href);
    await browser.until("return document.documentElement.dataset.ready === 'yes'", "a page that is ready", 300);
    const opened = await browser.run("return { ready: firstPrediction.at, first: firstPrediction.took, memory: firstPrediction.memory, proof: proof.seconds }");
    await browser.click("#start");
    await browser.until("return training.done", "the end of the training", 600);
    found.push({ ...opened, ...(await browser.run(`return { seconds: training.seconds, accuracy: training.tests.at(-1).accuracy,
      speed: training.images / training.seconds,
      enough: (training.tests.find((test) => test.accuracy >= 0.97) ?? { seconds: NaN }).seconds }`)) });
  } finally {
    await browser.close();
  }
}
const row = (what, key, write) => console.log(`| ${what} | ${write(median(found.map((one) => one[key])))} |`);
const html = readFileSync(page);
console.log(`| the page, medians of ${found.length} | |\n|---|---|`);
console.log(`| size, and packed by gzip | ${(html.length / 1e6).toFixed(2)} MB, ${(gzipSync(html).length / 1e6).toFixed(2)} MB |`);
row("from opening it to its first prediction", "ready", (ms) => `${(ms / 1000).toFixed(2)} s`);
row("of that, networks made and one image predicted", "first", (ms) => `${ms.toFixed(0)} ms`);
row("the module's memory then", "memory", (bytes) => `${(bytes / 1e6).toFixed(0)} MB`);
row("LeNet trains, 30,000 images", "seconds", (seconds) => `${seconds.toFixed(1)} s`);
row("images a second, tests included", "speed", (speed) => speed.toFixed(0));
row("seconds to 97 % of the test images", "enough", (seconds) => (Number.isFinite(seconds) ? seconds.toFixed(1) : "not reached"));
row("the proof's ten steps", "proof", (seconds) => `${seconds.toFixed(2)} s`);
