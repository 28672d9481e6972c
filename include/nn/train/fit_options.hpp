/// @file
/// What a training is asked to do, and what it tells meanwhile.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nn/data/batch.hpp"
#include "nn/data/data_view.hpp"
#include "nn/optim/schedule.hpp"
#include "nn/train/checkpoint_file.hpp"
#include "nn/train/communicator_option.hpp"
#include "nn/train/history.hpp"
#include "nn/train/plateau.hpp"

namespace nn {

/// What a callback is told after a training step. `stop` ends the training after it.
struct BatchReport {
  Index epoch = 0;       ///< 1 for the first
  Index epochs = 0;      ///< that are to be made
  Index batch = 0;       ///< of this epoch; 1 for the first
  Index batches = 0;     ///< of an epoch
  Index step = 0;        ///< of all epochs; 1 for the first
  double loss = 0;       ///< of this batch
  double mean_loss = 0;  ///< over the epoch so far
  double accuracy = 0;   ///< over the epoch so far, in [0, 1]; NaN where outputs are not classes
  double learning_rate = 0;      ///< of this step
  double images_per_second = 0;  ///< over the epoch so far
  bool stop = false;             ///< set it to end the training
};

/// What a callback is told after an epoch and its validation. `stop` ends the training after it.
struct EpochReport {
  const EpochRecord& record;  ///< of this epoch
  const History& history;     ///< of all so far
  Index epochs = 0;           ///< that are to be made
  bool stop = false;          ///< set it to end the training
};

/// What `fit` calls as it goes; either may be empty.
struct Callback {
  /// After every step. The model holds the weights of the step.
  std::function<void(BatchReport&)> on_batch{};
  /// After every epoch. The model holds the weights that were validated: with
  /// `FitOptions::average_decay` the averaged ones, so that what is saved here is the network that
  /// the report tells of. Training goes on from the others.
  std::function<void(EpochReport&)> on_epoch{};
  /// Where processes share the training: whether all call it, or only rank 0, whose `stop` and
  /// learning rate hold for all. For what changes the training in other ways.
  bool everywhere = false;
};

/// Ends the training when `monitor` has not improved by more than `min_delta` for `patience`
/// epochs.
struct EarlyStopping {
  Index patience = 0;                          ///< 0: never
  Monitor monitor = Monitor::validation_loss;  ///< what is watched
  double min_delta = 0;                        ///< a smaller improvement is none
  bool restore_best = true;                    ///< end with the weights of the best epoch
};

/// How `fit` trains.
struct FitOptions {
  Index epochs = 10;               ///< passes over the training set
  Index batch_size = 128;          ///< samples of a batch
  std::uint64_t seed = 0;          ///< of the order of the samples and of augmentation
  DataPointer validation{};        ///< any data with targets, measured after every epoch
  Schedule schedule{};             ///< of the learning rate; none: it stays as it is
  double clip_norm = 0;            ///< the longest gradient; 0: any
  double average_decay = 0;        ///< of a moving average of the weights; 0: none. With one, it is
                                   ///< the averaged network that is validated, that callbacks find
                                   ///< in the model after an epoch, and that remains.
  EarlyStopping early_stopping{};  ///< if wanted
  ReduceOnPlateau reduce_on_plateau{};  ///< of the learning rate, besides the schedule, if wanted
  /// How many batches make a step: their gradients are averaged, as if they were one batch, in the
  /// memory of one (but for BatchNorm, whose statistics are a batch's). An epoch's last step makes
  /// do with what is left. Steps, schedules and `checkpoint_interval` count such steps, and
  /// `Callback::on_batch` is called after each.
  Index accumulate = 1;
  bool shuffle = true;                    ///< a new order each epoch
  bool drop_last = false;                 ///< leave out an epoch's last batch where it is smaller
  Augmentation augmentation{};            ///< done to every sample of the training set
  BatchTransform transform{};             ///< done to every batch of the training set
  BatchTransform validation_transform{};  ///< done to every batch of the validation set
  std::vector<Callback> callbacks{};      ///< told of steps and epochs, in their order
  /// Where to save all that the training consists of, after every epoch and every
  /// `checkpoint_interval` steps. The file is written while the next step is made; before callbacks
  /// are told of that step, and when `fit` returns, it is whole, or what went wrong is thrown. If
  /// the file is there at the start, the training goes on from it, and ends in the same bits as if
  /// it had not been interrupted. What may be changed on going on holds from there on: the number
  /// of epochs, the learning rate, the schedule, the reduction on a plateau, the patience,
  /// callbacks. All else that makes the result must be the same, and is refused where it is not:
  /// the data (samples, labels, targets, weights, order, classes, normalisation), the layers, the
  /// loss, the rule and its settings, batches, seed, clipping, averaging, what early stopping
  /// watches. What fit cannot look into (augmentation and transforms) must be given again or not,
  /// as before.
  CheckpointFile checkpoint{};
  Index checkpoint_interval = 0;  ///< 0: after every epoch only
  /// The processes that train together, each with a share of every batch: `&world`, an nn::Mpi or
  /// another communicator (nn/distributed). Batches are cut into `pieces`, whose gradients, losses
  /// and batch statistics are summed over a tree, so that any number of processes, one too, ends in
  /// the same bits. Without a communicator a batch is not cut, and its sums are other ones. Rank 0
  /// alone calls the callbacks, and writes and reads the checkpoint.
  CommunicatorOption communicator{};
  /// Into how many pieces processes cut a batch: at least as many as there are processes, and best
  /// a multiple of their number. 0: 24 for batches of 192 and more samples, else 8, but no more
  /// than there are samples. It is part of what makes the result.
  Index pieces = 0;
};

}  // namespace nn
