// Predictions of the networks W1 to W10 by ONNX Runtime, under the names of bench_step, from the
// files that write_onnx has written into NN_ONNX_FOLDER.

#include <benchmark/benchmark.h>
#include <onnxruntime_cxx_api.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

int threads() {
  const char* const text = std::getenv("OMP_NUM_THREADS");
  return text == nullptr ? 0 : std::atoi(text);
}

void infer(benchmark::State& state, const std::string& name, int64_t batch) {
  static Ort::Env environment(ORT_LOGGING_LEVEL_ERROR);
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(threads());
  options.SetGraphOptimizationLevel(GraphOptimizationLevel::ORT_ENABLE_ALL);
  const std::string path = std::string(NN_ONNX_FOLDER) + "/" + name + ".onnx";
  Ort::Session session(environment, path.c_str(), options);
  std::vector<int64_t> shape = session.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();
  shape[0] = batch;
  int64_t size = 1;
  for (const int64_t extent : shape) size *= extent;
  std::vector<float> values(static_cast<std::size_t>(size));
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (float& value : values) value = normal(random);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const Ort::Value input = Ort::Value::CreateTensor<float>(memory, values.data(), values.size(),
                                                           shape.data(), shape.size());
  const char* const inputs[] = {"input"};
  const char* const outputs[] = {"output"};
  const auto run = [&] {
    benchmark::DoNotOptimize(session.Run(Ort::RunOptions{nullptr}, inputs, &input, 1, outputs, 1));
  };
  run();
  for (auto _ : state) run();
  state.SetItemsProcessed(state.iterations() * batch);
}

void add(const std::string& name, int64_t own_batch) {
  const auto list = [&](const std::string& ending, int64_t batch) {
    benchmark::RegisterBenchmark((name + "/infer" + ending).c_str(),
                                 [=](benchmark::State& state) { infer(state, name, batch); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  list("", own_batch);
  list("/batch:1", 1);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  for (const char* name : {"W1", "W3", "W5", "W6", "W8", "W9", "W10"}) add(name, 64);
  for (const char* name : {"W2", "W4", "W7"}) add(name, 128);
  benchmark::AddCustomContext("ONNX Runtime", Ort::GetVersionString());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
