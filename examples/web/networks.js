// The networks whose weights the page carries, as nn_web.cpp reads them.
"use strict";

const NETWORKS = {
  // examples/support/recipes.hpp: the recipe "best" for MNIST
  classifier: `input 28 28 1;
    conv 32 5 pad=2 bias=0; maxpool 2; batchnorm scale=0; gelu; conv 32 3 pad=1 bias=0; batchnorm scale=0; gelu;
    conv 64 3 pad=1 bias=0; maxpool 2; batchnorm scale=0; gelu; conv 64 3 pad=1 bias=0; batchnorm scale=0; gelu;
    conv 128 3 pad=1 bias=0; maxpool 2; batchnorm scale=0; gelu; conv 128 3 pad=1 bias=0; batchnorm scale=0; gelu;
    maxpool 3; flatten; dense 10 bias=0`,
  // examples/support/gan.hpp: 64 random numbers and the digit, 4 where it is
  generator: `input 74; dense 3136 bias=0; reshape 7 7 64; batchnorm; relu;
    convt 32 4 stride=2 pad=1 bias=0; batchnorm; relu; convt 1 4 stride=2 pad=1; tanh`,
  discriminator: `input 28 28 1; conv 32 4 stride=2 pad=1; leaky 0.2;
    conv 64 4 stride=2 pad=1 bias=0; batchnorm; leaky 0.2; flatten; dense 10`,
};
if (typeof module === "object") module.exports = { NETWORKS };
