// Tells the language of a word by its letters: a recurrent network that reads words of any length
// from both ends.

#include <nn/io/safetensors.hpp>
#include <nn/sequences.hpp>
#include <nn/viz/heat_map.hpp>

#include <iostream>
#include <sstream>

#include "support/answers.hpp"
#include "support/classifier.hpp"
#include "support/files.hpp"
#include "support/metrics.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/template.hpp"
#include "support/text.hpp"
#include "support/word_counting.hpp"

namespace {

using example::Counting;
using example::Letters;
using example::Metrics;
using example::Words;
using nn::Index;
using nn::TensorDataset;

struct Options : example::Flags {
  std::filesystem::path lists = "/usr/share/dict";
  Index words = 20'000;
  Index units = 64;
  double learning_rate = 3e-3;
  std::string tell =
      "chauffeur kindergarten smorgasbord espresso rendezvous siesta paraplu wanderlust saudade "
      "blorfing schnuffeln gracilidade";
};

/// All words, and how many of the test set stand in the list of another language as well.
struct Parts {
  Words training, validation, test;
  Index shared = 0;
};

std::vector<std::string> language_names() {
  std::vector<std::string> names;
  for (const example::WordList& list : example::word_lists) names.emplace_back(list.language);
  return names;
}

/// As many words of each language, drawn at random: a tenth each to choose by and to test with.
Parts load(const Options& options) {
  std::vector<std::vector<std::u32string>> lists;
  for (const example::WordList& list : example::word_lists) {
    const std::filesystem::path file = options.lists / list.file;
    nn::require<nn::FileError>(std::filesystem::exists(file), file.string(),
                               ": there is no such list of ", list.language,
                               " words; Debian has it: apt-get install ", list.package);
    lists.push_back(example::words_of(nn::read_file(file)));
    nn::require<nn::FileError>(static_cast<Index>(lists.back().size()) >= options.words,
                               file.string(), ": expected ", options.words,
                               " words or more (--words), found ", lists.back().size());
  }
  Parts parts;
  nn::Random random(options.seed);
  for (Index language = 0; language < static_cast<Index>(lists.size()); ++language) {
    std::vector<std::u32string> words = lists[static_cast<std::size_t>(language)];
    random.shuffle(std::span(words));
    const Index held_out = options.words / 10;
    for (Index i = 0; i < options.words; ++i) {
      const std::u32string& word = words[static_cast<std::size_t>(i)];
      Words& part = i < held_out       ? parts.test
                    : i < 2 * held_out ? parts.validation
                                       : parts.training;
      part.add(word, language);
      if (i >= held_out) continue;
      parts.shared += std::count_if(lists.begin(), lists.end(), [&](const auto& other) {
                        return std::binary_search(other.begin(), other.end(), word);
                      }) > 1;
    }
  }
  return parts;
}

/// What the network reads: the numbers of the letters, with zeros after a word's end.
TensorDataset dataset(const Words& words, const Letters& letters) {
  return {letters.tokens(words.words), words.languages, language_names()};
}

// ---- who tells ----

auto network(const Letters& letters, const Options& options) {
  return nn::sequential(nn::masked(0, nn::Embedding{.tokens = letters.count() + 1, .features = 32},
                                   nn::bidirectional(nn::LSTM{.units = options.units})),
                        nn::Dropout{0.2F},
                        nn::Dense{static_cast<Index>(example::word_lists.size())});
}

// ---- what is shown ----

/// The languages that got the highest probabilities: "French 91.2 %, English 5.3 %".
std::string likeliest(nn::TensorView<const float> probabilities) {
  std::vector<std::pair<float, std::string>> order;
  const std::vector<std::string> names = language_names();
  for (std::size_t k = 0; k < names.size(); ++k) {
    order.emplace_back(probabilities[static_cast<Index>(k)], names[k]);
  }
  std::sort(order.rbegin(), order.rend());
  const auto words = [](const auto& one) {
    return one.second + " " + example::percent(static_cast<double>(one.first), 1);
  };
  return words(order[0]) + ", " + words(order[1]);
}

example::Table languages_table(const nn::ConfusionMatrix& found, const Counting& counting) {
  example::Table table{.caption = "The share of each language's test words that is told right.",
                       .columns = {"", "by the network", "by counting", "most often taken for"}};
  const std::vector<std::string> names = language_names();
  for (Index truth = 0; truth < found.classes(); ++truth) {
    Index other = truth == 0 ? 1 : 0;
    for (Index k = 0; k < found.classes(); ++k) {
      if (k != truth && found(truth, k) > found(truth, other)) other = k;
    }
    const auto share = [&](const nn::ConfusionMatrix& matrix, Index taken) {
      return example::percent(static_cast<double>(matrix(truth, taken)) /
                              static_cast<double>(matrix.actual(truth)));
    };
    table.rows.push_back(
        {names[static_cast<std::size_t>(truth)], share(found, truth), share(counting.test, truth),
         names[static_cast<std::size_t>(other)] + " (" + share(found, other) + ")"});
  }
  return table;
}

/// The test words that the network is surest of and wrong about.
example::Table errors_table(const Parts& parts, const nn::Tensor<float>& probabilities) {
  std::vector<std::pair<float, Index>> wrong;
  for (Index i = 0; i < probabilities.shape()[0]; ++i) {
    const auto row = probabilities.sample(i);
    const Index taken = std::max_element(row.begin(), row.end()) - row.begin();
    if (taken != parts.test.languages[static_cast<std::size_t>(i)]) {
      wrong.emplace_back(row[taken], i);
    }
  }
  std::sort(wrong.rbegin(), wrong.rend());
  example::Table table{.caption = "The surest errors.",
                       .columns = {"word", "from the list of", "taken for"}};
  const std::vector<std::string> names = language_names();
  for (std::size_t k = 0; k < std::min<std::size_t>(wrong.size(), 12); ++k) {
    const auto at = static_cast<std::size_t>(wrong[k].second);
    table.rows.push_back({example::utf8(parts.test.words[at]),
                          names[static_cast<std::size_t>(parts.test.languages[at])],
                          likeliest(probabilities.sample(wrong[k].second))});
  }
  return table;
}

void study(Options options) {
  const example::Stopwatch watch;
  if (options.quick) options.words = std::min<Index>(options.words, 2000);
  const Parts parts = load(options);
  Letters letters;
  for (const Words* words : {&parts.training, &parts.validation, &parts.test}) {
    for (const std::u32string& word : words->words) letters.add(word);
  }
  const TensorDataset training = dataset(parts.training, letters);
  const TensorDataset validation = dataset(parts.validation, letters);
  const TensorDataset test = dataset(parts.test, letters);

  nn::Model model(network(letters, options), training.sample_shape(), {.seed = options.seed});
  std::cout << nn::summary(model, 128);
  nn::FitOptions fitting{.epochs = options.epochs, .batch_size = 128, .seed = options.seed};
  fitting.validation = &validation;
  fitting.early_stopping = nn::EarlyStopping{.patience = options.epochs};
  fitting.schedule = nn::one_cycle_schedule({.warm_up = 0.2, .last = 0.02});
  const Index steps = (training.size() + 127) / 128;
  example::Progress progress(options.epochs * steps,
                             {.steps_per_epoch = steps, .images_per_step = 128});
  fitting.callbacks = {example::show(progress)};
  const nn::History history = nn::fit(model, training, nn::SoftmaxCrossEntropy{},
                                      nn::AdamW{.learning_rate = options.learning_rate}, fitting);
  progress.finish();
  nn::save(model, options.out / "weights.safetensors");
  const auto probabilities = nn::softmax_rows(nn::predict(model, test));
  const nn::ConfusionMatrix found = nn::confusion_matrix(probabilities, test.labels());
  const double validation_accuracy = nn::accuracy(model, validation);
  const Counting counting = example::count(parts.training, parts.validation, parts.test, letters);

  example::Table told{.caption = "Words of no list, or of several.",
                      .columns = {"word", "it says"}};
  std::istringstream stream(options.tell);
  for (std::string text; stream >> text;) {
    const std::u32string word = example::word_of(example::code_points(text));
    nn::require(!word.empty(), "--tell takes words of 3 to ", example::longest_word,
                " Latin letters, got ", text);
    const auto row = nn::softmax_rows(model.predict(letters.tokens({word})));
    told.rows.push_back({example::utf8(word), likeliest(row.sample(0))});
  }

  const double shared = static_cast<double>(parts.shared) / static_cast<double>(test.size());
  Metrics values{{"languages", language_names()},
                 {"training", training.size()},
                 {"validation", validation.size()},
                 {"test", test.size()},
                 {"test_accuracy", found.accuracy()},
                 {"validation_accuracy", validation_accuracy},
                 {"counting",
                  {{"order", counting.order},
                   {"validation_accuracy", counting.validation_accuracy},
                   {"test_accuracy", counting.test.accuracy()}}},
                 {"shared", shared},
                 {"letters", letters.count()},
                 {"units", options.units},
                 {"parameters", model.parameters().size()},
                 {"epochs", options.epochs},
                 {"train_seconds", history.seconds()},
                 {"seed", options.seed},
                 {"quick", options.quick}};
  values["confusion_matrix"] = example::confusion_metrics(found);
  example::write_metrics(options.out, values);
  nn::viz::plot_confusion_matrix(options.out / "confusion.png", found.counts(), language_names());
  values["better"] = found.accuracy() > counting.test.accuracy();
  example::Page page = example::page_of("text_languages", values,
                                        {{"languages", languages_table(found, counting)},
                                         {"errors", errors_table(parts, probabilities)},
                                         {"told", told}});
  page.fact("command", options.command);
  page.fact("words", options.lists.string());
  page.fact("seed", std::to_string(options.seed));
  page.fact("threads", std::to_string(nn::threads()));
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);
  for (const auto& row : told.rows) std::cout << row[0] << ": " << row[1] << '\n';
  std::cout << "accuracy on the test set: " << example::percent(found.accuracy())
            << " (by counting: " << example::percent(counting.test.accuracy()) << ")\n"
            << "page: " << (options.out / "index.html").string() << '\n';
  example::check_expected_accuracy(options, found.accuracy());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("text_languages", "Tells the language of a word by its letters.",
                            options,
                            {.epochs = 8, .quick_epochs = 3, .accuracy = true, .data = false});
  line.flag("--lists", options.lists, "the folder of Debian's word lists");
  line.flag("--words", options.words, "words of each language");
  line.flag("--units", options.units, "of the LSTM in each direction");
  line.flag("--learning-rate", options.learning_rate, "at its highest");
  line.flag("--tell", options.tell, "words to tell the language of in the end");
  return example::run_program(line, argc, argv, [&] {
    nn::require(options.words >= 10 && options.units > 0, "--words takes 10 or more, --units 1");
    study(options);
  });
}
