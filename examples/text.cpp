// Learns to write a novel, one character at a time, by a recurrent network or a transformer.

#include <nn/io/safetensors.hpp>

#include <iostream>

#include "support/counting_model.hpp"
#include "support/files.hpp"
#include "support/metrics.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/template.hpp"
#include "support/text.hpp"
#include "support/text_drawings.hpp"

namespace {

using example::Alphabet;
using example::Metrics;
using example::TextModel;
using example::TextMoment;
using nn::Index;

struct Options : example::Flags {
  std::string network = "all";
  std::filesystem::path text = "examples/texts/pride_and_prejudice.txt";
  Index units = 0;  // 0 here and below: as each network has it
  Index blocks = 0;
  Index steps = 0;
  Index batch = 0;
  double dropout = 0.1;
  double learning_rate = 3e-3;
  std::string prompt = "It is a truth universally acknowledged, ";
  double temperature = 0.7;
  Index length = 400;
  std::filesystem::path weights;
};

/// What a network wrote on its way.
struct Sample {
  Index characters;  ///< that it had read by then
  double bits;       ///< a character of the validation set, by then
  std::string text;
};

/// A network that has learned, and how.
struct Learned {
  example::TextSizes sizes;
  TextModel model;
  std::vector<TextMoment> moments;
  std::vector<Sample> samples;
  TextMoment best;  ///< whose weights the model has
  double test_bits = 0;
};

// ---- learning ----

/// A network as the flags have it.
example::TextSizes sizes_of(const Options& options, const std::string& network) {
  example::TextSizes sizes = example::text_sizes(network);
  if (options.quick) {
    sizes.units /= 4;
    sizes.blocks = 2;
    sizes.samples = 8;
  }
  if (options.units > 0) sizes.units = options.units;
  if (options.blocks > 0) sizes.blocks = options.blocks;
  if (options.steps > 0) sizes.steps = options.steps;
  if (options.batch > 0) sizes.samples = options.batch;
  sizes.dropout = static_cast<float>(options.dropout);
  return sizes;
}

/// Where samples are written: at the start, soon after, and then ever more rarely.
bool writes_at(Index step, Index steps) {
  for (const Index share : {100, 30, 10, 3, 1}) {
    if (step == (steps + share - 1) / share) return true;
  }
  return false;
}

/// Learns, batch after batch, each going on where the last one ended if the network can. Keeps the
/// weights that expected the validation set best.
Learned learn(const Options& options, const example::TextSizes& sizes, const Alphabet& alphabet,
              const example::TextParts& parts) {
  TextModel model(example::text_network(sizes, alphabet.size()), nn::Shape{sizes.steps},
                  {.seed = options.seed});
  nn::Optimizer optimizer(model, nn::Adam{.learning_rate = options.learning_rate, .beta2 = 0.99});
  example::TextBatches batches(alphabet.numbers(parts.training), sizes);
  const std::vector<Index> validation = alphabet.numbers(parts.validation);
  const Index steps = options.epochs * batches.count();
  const nn::Schedule schedule = nn::one_cycle_schedule({.warm_up = 0.1, .last = 0.02});
  const Index measured = std::max<Index>(1, batches.count() / 3);

  Learned learned{.sizes = sizes, .model = model, .moments = {}, .samples = {}, .best = {}};
  nn::Tensor<float> gradient;
  double bits = 0;
  Index read = 0;
  const auto measure = [&](TextMoment moment, Index step) {
    moment.training_bits = read > 0 ? bits / static_cast<double>(read) : std::nan("");
    moment.validation_bits = example::bits_of(model, validation);
    nn::require<nn::DivergenceError>(std::isfinite(moment.validation_bits),
                                     "the training diverged at step ", step);
    if (learned.moments.empty() || moment.validation_bits < learned.best.validation_bits) {
      learned.best = moment;
      std::copy(model.parameters().begin(), model.parameters().end(),
                learned.model.parameters().begin());
    }
    learned.moments.push_back(moment);
    bits = 0;
    read = 0;
  };
  const auto write = [&](const TextMoment& moment, example::Progress& progress) {
    learned.samples.push_back(
        {moment.characters, learned.moments.back().validation_bits,
         example::write_text(model, alphabet, options.prompt, options.length, options.temperature,
                             nn::Random(options.seed, 11U))});
    std::string line = options.prompt + learned.samples.back().text.substr(0, 160);
    std::replace(line.begin(), line.end(), '\n', ' ');
    progress.note("  " + example::fixed(learned.samples.back().bits) +
                  " bits a character on the validation set: " + line);
  };

  std::cout << sizes.network << ", " << example::thousands(model.parameters().size())
            << " parameters" << std::endl;
  example::Progress progress(
      steps, {.steps_per_epoch = batches.count(), .images_per_step = sizes.samples});
  TextMoment moment;
  measure(moment, 0);
  write(moment, progress);
  std::optional<nn::CarriedState<float>> state;
  if (example::carries(model)) state = model.carried_state(sizes.samples);
  for (Index step = 0; step < steps; ++step) {
    const example::Stopwatch watch;
    const Index epoch = step / batches.count();
    // Each epoch starts the text elsewhere, so that the samples' borders are other ones.
    const Index shift =
        nn::Random(options.seed, 3U, static_cast<std::uint64_t>(epoch)).below(sizes.steps);
    if (step % batches.count() == 0 && state) state->reset();
    batches.make(step % batches.count(), shift);
    const nn::TensorView<const float> logits =
        state ? model.forward(batches.inputs(), *state) : model.forward(batches.inputs());
    gradient.resize(logits.shape());
    const double loss =
        static_cast<double>(nn::SoftmaxCrossEntropy{}(logits, batches.targets(), gradient.view()));
    model.zero_gradients();
    model.backward(gradient);
    nn::clip_gradient_norm(model, 1.0);
    optimizer.set_learning_rate(options.learning_rate * schedule(step, steps));
    optimizer.step(model);
    const Index count = sizes.samples * sizes.steps;
    bits += loss / std::log(2.0) * static_cast<double>(count);
    read += count;
    moment.characters += count;
    moment.seconds += watch.seconds();
    progress.update(step + 1, loss, std::nan(""));
    const bool writes = writes_at(step + 1, steps);
    if (writes || (step + 1) % measured == 0 || step + 1 == steps) measure(moment, step + 1);
    if (writes) write(moment, progress);
  }
  progress.finish();
  learned.test_bits = example::bits_of(learned.model, alphabet.numbers(parts.test));
  return learned;
}

// ---- what is kept and shown ----

/// Writes a network as `--weights` reads it.
void save(const Options& options, const Learned& learned, const Alphabet& alphabet) {
  std::vector<Index> codes;
  for (const char character : alphabet.characters()) {
    codes.push_back(static_cast<unsigned char>(character));
  }
  const std::vector<Index> sizes{learned.sizes.steps, learned.sizes.units, learned.sizes.blocks,
                                 alphabet.size()};
  nn::save(learned.model, options.out / (learned.sizes.network + ".safetensors"),
           {.metadata = {{"network", learned.sizes.network},
                         {"sizes", nn::number_list(std::span<const Index>(sizes))},
                         {"characters", nn::number_list(std::span<const Index>(codes))},
                         {"text", options.text.filename().string()},
                         {"test_bits", example::fixed(learned.test_bits, 4)}}});
}

/// What counting comes to, by runs of each length up to the longest.
struct Counting {
  std::vector<double> validation_bits;  ///< by runs of up to 1, 2, ... characters
  Index best = 0;                       ///< the length that the validation set chooses
  double test_bits = 0;
  double seconds = 0;
};

Counting count(const Alphabet& alphabet, const example::TextParts& parts) {
  constexpr Index longest = 7;
  const example::Stopwatch watch;
  const example::CountingModel model(parts.training, longest, alphabet.size());
  Counting counting;
  for (Index order = 1; order <= longest; ++order) {
    counting.validation_bits.push_back(model.bits(parts.validation, order));
  }
  const auto& bits = counting.validation_bits;
  counting.best = 1 + (std::min_element(bits.begin(), bits.end()) - bits.begin());
  counting.test_bits = model.bits(parts.test, counting.best);
  counting.seconds = watch.seconds();
  return counting;
}

/// A sample as a page shows it: in lines that fit, none of them empty.
std::string on_page(const std::string& text) {
  constexpr std::size_t width = 80;
  std::string result;
  std::size_t column = 0;
  for (const char character : text) {
    const bool breaks = character == '\n' || (character == ' ' && column >= width - 10);
    if (breaks || column == width) {
      if (column > 0) result += '\n';
      column = 0;
    }
    if (breaks || (character == ' ' && column == 0)) continue;
    result += character;
    ++column;
  }
  return result;
}

Metrics metrics_of(const Options& options, const Alphabet& alphabet,
                   const example::TextParts& parts, const Counting& counting,
                   const std::vector<Learned>& all, const Learned& best) {
  Metrics metrics;
  metrics["text"] = options.text.filename().string();
  metrics["best"] = best.sizes.network;
  metrics["test_bits"] = best.test_bits;
  metrics["characters"] = {{"all", alphabet.size()},
                           {"training", parts.training.size()},
                           {"validation", parts.validation.size()},
                           {"test", parts.test.size()}};
  metrics["counting"] = {{"validation_bits", counting.validation_bits},
                         {"order", counting.best},
                         {"test_bits", counting.test_bits},
                         {"seconds", counting.seconds}};
  for (const Learned& learned : all) {
    Metrics network = {
        {"name", learned.sizes.network},
        {"parameters", learned.model.parameters().size()},
        {"train_seconds", learned.moments.back().seconds},
        {"characters_per_second",
         static_cast<double>(learned.moments.back().characters) / learned.moments.back().seconds},
        {"training_bits", learned.best.training_bits},
        {"validation_bits", learned.best.validation_bits},
        {"test_bits", learned.test_bits}};
    for (const TextMoment& moment : learned.moments) {
      network["moments"].push_back({{"characters", moment.characters},
                                    {"seconds", moment.seconds},
                                    {"training_bits", moment.training_bits},
                                    {"validation_bits", moment.validation_bits}});
    }
    metrics["networks"].push_back(network);
  }
  for (const Sample& sample : best.samples) {
    metrics["samples"].push_back(
        {{"read", sample.characters > 0 ? Metrics(sample.characters) : Metrics()},
         {"bits", sample.bits},
         {"text", on_page(options.prompt + sample.text)}});
  }
  metrics["epochs"] = options.epochs;
  metrics["learning_rate"] = options.learning_rate;
  metrics["temperature"] = options.temperature;
  metrics["prompt"] = options.prompt;
  metrics["seed"] = options.seed;
  metrics["threads"] = nn::threads();
  metrics["quick"] = options.quick;
  return metrics;
}

example::Table bits_table(const Counting& counting, const std::vector<Learned>& all,
                          const Learned& best) {
  example::Table table{.caption =
                           "Bits a character; the training set's are those while it was "
                           "learned from, dropout included.",
                       .columns = {"", "parameters", "time", "training", "validation", "test"}};
  for (const Learned& learned : all) {
    if (&learned == &best) table.bold_rows = {static_cast<Index>(table.rows.size())};
    table.rows.push_back(
        {learned.sizes.network, example::thousands(learned.model.parameters().size()),
         example::duration(learned.moments.back().seconds),
         example::fixed(learned.best.training_bits), example::fixed(learned.best.validation_bits),
         example::fixed(learned.test_bits)});
  }
  for (std::size_t i = 0; i < counting.validation_bits.size(); ++i) {
    const auto order = static_cast<Index>(i) + 1;
    const bool chosen = order == counting.best;
    if (!chosen && order != 1 && order != 3) continue;
    table.rows.push_back({nn::text("counting, up to ", order, " before"), "",
                          chosen ? example::duration(counting.seconds) : "", "",
                          example::fixed(counting.validation_bits[i]),
                          chosen ? example::fixed(counting.test_bits) : ""});
  }
  return table;
}

/// The middle of the test set's first sentence that begins a paragraph, and what stands before it.
std::pair<std::string_view, std::string_view> sentence_of(std::string_view text) {
  constexpr std::size_t shown = 42;
  const std::size_t paragraph = text.find("\n\n", std::min<std::size_t>(1000, text.size() / 2));
  const std::size_t first = paragraph == std::string_view::npos ? text.size() / 2 : paragraph + 2;
  const std::size_t begin = std::min(first, text.size() - shown);
  return {text.substr(0, begin), text.substr(begin, shown)};
}

// ---- the uses ----

void study(const Options& options) {
  const example::Stopwatch watch;
  std::string text = nn::read_file(example::find_file(options.text));
  if (options.quick) text.resize(std::min<std::size_t>(text.size(), 60'000));
  const Alphabet alphabet(text);
  (void)alphabet.numbers(options.prompt);  // so that it is refused now
  const example::TextParts parts = example::parts_of(text);
  const Counting counting = count(alphabet, parts);
  std::cout << example::thousands(static_cast<Index>(text.size())) << " characters, "
            << alphabet.size() << " different ones; counting comes to "
            << example::fixed(counting.test_bits) << " bits a character" << std::endl;

  std::vector<Learned> all;
  for (const std::string name : {"lstm", "gru", "transformer"}) {
    if (options.network != "all" && options.network != name) continue;
    all.push_back(learn(options, sizes_of(options, name), alphabet, parts));
    save(options, all.back(), alphabet);
  }
  const Learned& best = *std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.best.validation_bits < b.best.validation_bits;
  });

  std::vector<example::TextCurve> curves;
  for (const Learned& learned : all) curves.push_back({learned.sizes.network, learned.moments});
  const auto& bits = counting.validation_bits;
  example::draw_bits(options.out, curves, *std::min_element(bits.begin(), bits.end()));
  const auto [before, sentence] = sentence_of(parts.test);
  example::draw_expected(options.out, best.model, alphabet, before, sentence);
  Metrics values = metrics_of(options, alphabet, parts, counting, all, best);
  example::write_metrics(options.out, values);
  values["several"] = all.size() > 1;
  values["uniform_bits"] = std::log2(static_cast<double>(alphabet.size()));
  for (const Learned& learned : all) {
    const bool recurrent = learned.sizes.network != "transformer";
    values[recurrent ? "recurrent" : "transformer"] = {{"units", learned.sizes.units},
                                                       {"steps", learned.sizes.steps},
                                                       {"blocks", learned.sizes.blocks}};
  }
  for (const char* kind : {"recurrent", "transformer"}) {
    if (!values.contains(kind)) values[kind] = nullptr;
  }
  values["batch_characters"] = best.sizes.samples * best.sizes.steps;
  values["better"] = best.test_bits < counting.test_bits;
  values["difference"] = std::abs(counting.test_bits - best.test_bits);
  example::Page page =
      example::page_of("text", values, {{"bits", bits_table(counting, all, best)}});
  page.fact("command", options.command);
  page.fact("text", options.text.filename().string());
  page.fact("seed", std::to_string(options.seed));
  page.fact("threads", std::to_string(nn::threads()));
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);

  for (const Learned& learned : all) {
    std::cout << learned.sizes.network << ": " << example::fixed(learned.test_bits)
              << " bits a character of the test set, after "
              << example::duration(learned.moments.back().seconds) << '\n';
  }
  std::cout << "counting: " << example::fixed(counting.test_bits) << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
}

/// Writes on with a network that has learned before.
void write(const Options& options) {
  const auto file = example::find_file(options.weights);
  const nn::SafetensorsFile stored = nn::SafetensorsFile::read(file);
  const auto value = [&](const std::string& key) {
    const auto found = stored.metadata.find(key);
    nn::require<nn::FileError>(found != stored.metadata.end(), file.string(),
                               ": this is no network that `text` wrote: it does not say '", key,
                               "'");
    return found->second;
  };
  const auto numbers = [&](const std::string& key, Index count) {
    return nn::parse_number_list<Index>(value(key), count, key);
  };
  const std::vector<Index> sizes = numbers("sizes", 4);
  std::string characters;
  for (const Index code : numbers("characters", sizes[3])) characters += static_cast<char>(code);
  const Alphabet alphabet(characters);
  TextModel model(
      example::text_network(
          {.network = value("network"), .steps = sizes[0], .units = sizes[1], .blocks = sizes[2]},
          alphabet.size()),
      nn::Shape{sizes[0]});
  nn::load(model, file);
  const std::string written =
      example::write_text(model, alphabet, options.prompt, options.length, options.temperature,
                          nn::Random(options.seed, 11U));
  std::cout << options.prompt << written << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("text", "Learns to write like a text, one character at a time.",
                            options, {.epochs = 12, .quick_epochs = 3, .data = false});
  line.choice("--network", options.network, {"all", "lstm", "gru", "transformer"},
              "what learns; all: one after another, compared");
  line.flag("--text", options.text, "a text file to learn from");
  line.flag("--units", options.units,
            "of the LSTM and the GRU, features of the transformer (0: as it has it)");
  line.flag("--blocks", options.blocks, "of the transformer (0: as it has it)");
  line.flag("--steps", options.steps, "characters of a sample (0: as the network has it)");
  line.flag("--batch", options.batch, "samples of a batch (0: as the network has it)");
  line.flag("--dropout", options.dropout, "the rate");
  line.flag("--learning-rate", options.learning_rate, "at its highest");
  line.flag("--prompt", options.prompt, "how samples begin");
  line.flag("--temperature", options.temperature, "below 1: rather what is likely");
  line.flag("--length", options.length, "characters of a sample");
  line.flag("--weights", options.weights,
            "only write, with a NETWORK.safetensors of an earlier run");
  return example::run_program(line, argc, argv, [&] {
    nn::require(options.temperature > 0 && options.length > 0 && options.units >= 0 &&
                    options.blocks >= 0 && options.steps >= 0 && options.batch >= 0,
                "sizes, --length and --temperature take positive numbers");
    if (!options.weights.empty()) return write(options);
    study(options);
  });
}
