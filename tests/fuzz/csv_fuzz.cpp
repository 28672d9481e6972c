// Feeds the reader of tables with bytes, and makes features of what it takes for one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "nn/data/csv.hpp"
#include "nn/data/table_encoding.hpp"

namespace {

void encode(const nn::Table& table) {
  nn::TableColumns columns;
  for (const std::string& name : table.column_names()) {
    columns.features.push_back(columns.features.size() % 2 == 0
                                   ? nn::number_column(name, nn::Missing::median)
                                   : nn::filled_category_column(name, "none"));
  }
  try {
    const nn::TableEncoding encoding(table, columns);
    const auto features = encoding.features(table);
    if (features.shape()[1] != static_cast<nn::Index>(encoding.feature_names().size()))
      std::abort();
  } catch (const nn::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first byte says how the others are read.
  if (size == 0) return 0;
  nn::CsvOptions options;
  options.header = (data[0] & 1U) != 0;
  if ((data[0] & 2U) != 0) options.separator = '\t';
  if ((data[0] & 4U) != 0) options.decimal_point = '_';
  if ((data[0] & 8U) != 0) options.max_cells = 10;
  try {
    const auto table = nn::parse_csv(std::string(data + 1, data + size), "fuzz", options);
    std::size_t letters = 0;
    for (nn::Index row = 0; row < table.size(); ++row) {
      for (nn::Index column = 0; column < table.columns(); ++column)
        letters += table.cell(row, column).size();
    }
    if (letters > size || table.size() * table.columns() > options.max_cells) std::abort();
    encode(table);
  } catch (const nn::FileError&) {
  }
  return 0;
}
