/// @file
/// Pictures of any size and kind, made into what a network has learned to recognise.
#pragma once

#include <nn/viz/prepare_picture.hpp>

#include <string_view>

namespace example {

/// How pictures are made to fit a network that has learned from this data set.
inline nn::PictureKind picture_kind(std::string_view dataset) {
  if (dataset == "mnist") return nn::PictureKind::digit;
  return dataset == "fashion-mnist" ? nn::PictureKind::object : nn::PictureKind::photograph;
}

/// The picture as `shape`, height x width x channels, in the manner of the data set.
/// @throws nn::Error as nn::viz::prepare_picture.
inline nn::viz::PreparedPicture prepare_picture(const nn::viz::Image& picture,
                                                std::string_view dataset, const nn::Shape& shape) {
  return nn::viz::prepare_picture(picture, picture_kind(dataset), shape);
}

}  // namespace example
