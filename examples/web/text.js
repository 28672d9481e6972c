// Every word that the page shows, for translation: replace this file's texts, keep its keys. {name}
// stands for what is filled in.
"use strict";

const LANGUAGE = "en";
const TEXT = {
  title: "A network that learns while you watch",
  lead: "Ten thousand handwritten digits, a neural network and a training loop are inside this one file. " +
    "Nothing is sent anywhere: your browser does the learning.",
  leadGenerated: "A neural network, a training loop and a generator that draws the digits to learn from are inside this one " +
    "file. Nothing is sent anywhere: your browser does the learning.",
  skip: "Skip to the training",
  theme: "Light or dark",
  loading: "Opening the module ...",
  opened: "Ready: {parameters} weights read the first digit in {first} ms; the page uses {memory} MB of memory.",
  drawing: "Drawing digits to learn from: {made} of {count} ...",
  navTrain: "Train", navDraw: "Draw", navImagine: "Imagine", navProve: "Prove",

  trainTitle: "Train",
  trainLead: "Choose a network, press Start, and see it go from guessing to reading within seconds.",
  mnistNote: "No data set is in this page: the network learns from 5,000 digits that the page's generator drew just now, and is " +
    "tested by 1,000 others of its hand. If you have MNIST, choose its four files: then people's digits take their place, and " +
    "there is a game and a proof, too.",
  mnistFiles: "Choose MNIST's files",
  mnistLacks: "The images and labels of training and test set are needed: four files, packed by gzip or not.",
  mnistOther: "These have the form of MNIST's files, but other contents.",
  noMnist: "This is no file of MNIST: {name}",
  network: "Network",
  lenet: "LeNet: convolutions", mlp: "MLP: dense layers only", own: "Put together your own",
  addLayer: "Add", layerList: "Layers of your network",
  addConv: "Conv2D", addPool: "MaxPool2D", addRelu: "ReLU", addNorm: "BatchNorm", addDropout: "Dropout",
  addFlatten: "Flatten", addDense: "Dense",
  remove: "Remove {name}", earlier: "Move {name} up", always: "always the last",
  optimizer: "Optimizer", adam: "Adam", sgd: "SGD", momentum: "SGD with momentum", rmsprop: "RMSProp",
  rate: "Learning rate", falls: "Let it fall to nothing by the end",
  epochs: "Times through the images", batch: "Images in a batch",
  start: "Start", pause: "Pause", goOn: "Go on", reset: "Reset",
  accuracy: "Test images recognised", lossNow: "Loss", speed: "Images a second", seen: "Images seen",
  time: "Seconds of training",
  lossChart: "Loss", accuracyChart: "Images recognised",
  trainCurve: "training images", testCurve: "test images",
  lossLabel: "Loss: {train} on training images, {test} on test images after {images} images.",
  accuracyLabel: "Recognised: {train} of training images, {test} of test images after {images} images.",
  filters: "What the first layer looks for",
  filtersNote: "Each square is one filter: orange weights want ink there, blue ones want none. They start as noise.",
  filtersLabel: "{count} filters of {side} by {side} weights",
  noFilters: "The first layer of this network has no filters to show.",
  stateIdle: "Not trained yet.",
  stateRunning: "Learning ...",
  statePaused: "Paused.",
  stateDone: "Done: {accuracy} of {count} test images recognised after {seconds} s of training.",
  stateHidden: "The page was out of sight, so the training waited. It goes on.",
  diverged: "It has diverged. Each step of this size ({rate}) jumps over the valley that it should go down into, and " +
    "lands higher than it was, until the numbers leave what a computer can hold (the loss is {loss}). This is no " +
    "error of the program: try a learning rate ten times smaller, and press Reset.",
  stuck: "The loss does not fall: this is no better than guessing ({loss}; guessing gives 2.30). A smaller learning " +
    "rate, or another optimizer, may help.",
  refused: "The library refuses this network: {message}",

  drawTitle: "Draw",
  drawLead: "Write a digit with mouse, finger or pen, or drop a photograph of one here.",
  board: "Drawing board. Without a pointer, choose a test image below.",
  writeHere: "Write a digit here",
  clear: "Clear", undo: "Undo", photo: "Open a picture",
  sample: "A test image of", sampleOf: "A test image of {digit}",
  seenAs: "As the networks see it",
  seenAsNote: "fitted into 20x20 pixels and centred by its mass in 28x28, as MNIST was made",
  yours: "Your network", shipped: "The one in this file",
  yoursNote: "the network that you trained above", shippedNote: "99.7 % of all test images; trained for minutes",
  untrained: "Train a network first, and its answer stands here.",
  nothing: "Nothing drawn yet.",
  answer: "It is a {digit}.",
  unknown: "I don't know.",
  doubtful: "It might be {first} or {second}: at {share}, the likeliest is less certain than the {least} that you ask for.",
  strange: "It is like no digit that I know: farther from all ten than {share} of real digits are.",
  ambiguity: "Refuse what is less certain than", distance: "Refuse what is stranger than this share of real digits",
  probabilityOf: "{digit}: {share}",
  maps: "The feature maps behind it",
  mapsNote: "What the convolutions of the network make of your digit: bright where a filter has found its form.",
  mapsOf: "Show those of", mapsLabel: "{count} maps of {name}",
  dropHere: "Drop the picture",
  noPicture: "This is no picture that the browser can read: {name}",
  emptyPicture: "Nothing stands out from the background of this picture.",
  fullPicture: "This picture holds no single digit: {share} of it stand out from the background.",
  readPicture: "Read from the picture: what stands out, {colours}.",
  darkOnLight: "dark on light", lightOnDark: "light on dark",

  imagineTitle: "Imagine",
  imagineLead: "This network has never seen your screen, but it has learned to write. Choose a digit and drag the point: " +
    "every place on the map is a hand of its own.",
  digit: "Digit", plane: "Map of handwriting. Arrow keys move the point.",
  planeAt: "{x} across, {y} up",
  newPlane: "Another map", stroll: "Take a walk", stopStroll: "Stop",
  imagined: "A {digit} that nobody wrote",
  judge: "The discriminator, trained to tell real from generated, says:",
  fake: "generated", real: "real", judged: "{share} real",
  gameTitle: "Which of these nine did nobody write?",
  gameLead: "Eight were written by people, one by the generator.",
  gameTile: "Image {number}",
  gameRight: "Right. The generator drew number {place}.",
  gameWrong: "No, a person wrote that. The generator drew number {place}.",
  gameJudge: "The discriminator would have chosen number {place}.",
  score: "You {you} of {rounds}, the discriminator {judge} of {rounds}",
  next: "Next nine",

  proveTitle: "Prove",
  proveLead: "The same headers, compiled for this browser and for a processor, must learn the same. Here LeNet takes its " +
    "first ten steps, beside what a native program had. The losses must be equal in all digits, and the SHA-256 of the " +
    "61,706 weights, too: it would be another if one weight were off by a bit.",
  step: "Step", native: "native", here: "here", sameBits: "same bits", equal: "yes", unequal: "no",
  hashAfter: "SHA-256 of the weights after {steps} steps",
  proving: "{made} of {steps} steps ...",
  same: "The same bits: {steps} steps, computed here in {seconds} s.",
  differs: "They differ. That is an error of the library or of this browser, worth a report.",
  proveAll: "Go on through all 10,000 images", again: "Prove it again",
  proveNote: "The library's arithmetic is made of fused multiply-adds, which WebAssembly lacks. The proof emulates them " +
    "to the last bit, at several times the cost; all images take half a minute or more. The training above rounds twice " +
    "instead: its losses agree with a native program's to six digits for a few steps, then to fewer.",

  footer: "The page is made of the header-only C++ library nn and a few hundred lines of JavaScript without a framework. " +
    "In it are: nn (MIT licence), Eigen (MPL 2.0), nlohmann-json (MIT), the C and C++ libraries of Emscripten and LLVM " +
    "(MIT; Apache 2.0 with LLVM exceptions).",
  footerImages: "And 12,000 images of MNIST by Yann LeCun, Corinna Cortes and Christopher Burges (CC BY-SA 3.0).",
  footerNone: "Its networks were trained on MNIST, by Yann LeCun, Corinna Cortes and Christopher Burges.",
  missing: "This browser lacks {what}, which the page computes with. A newer Chromium, Firefox or Safari has it.",
  memory: "The browser gave the page no memory for this: {message}",
  failed: "Something went wrong: {message}",
};

/// A text with its {names} filled in.
const say = (key, values = {}) => TEXT[key].replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
if (typeof module === "object") module.exports = { TEXT, say };
