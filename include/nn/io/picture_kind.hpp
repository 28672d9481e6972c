/// @file
/// How pictures are made to fit a network.
#pragma once

namespace nn {

/// How a picture of any size becomes one of the size that a network takes.
enum class PictureKind {
  photograph,  ///< its central part of the right proportions is resized
  whole,       ///< all of it is resized, whatever its proportions
  object,      ///< what stands out from the background, bright on black, fills the picture
  digit,       ///< one sign written on paper, bright on black, in the middle: as MNIST has them
};

}  // namespace nn
