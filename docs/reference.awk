# Doxygen's input filter. What every layer, loss, rule, augmentation or container answers is said once
# (layers/layer.hpp, losses/loss.hpp, optim/rule.hpp, data/batch.hpp, core/tensor.hpp), and here gets
# its one line wherever a header does not say more. Lines stay where they are, so that warnings name
# the right ones.
BEGIN {
  said["name"] = "What this calls itself in summaries and messages."
  said["output_shape"] = "The shape of one sample of the output, for one of the input."
  said["parameters"] = "What is learned: the names, shapes and initialisers, for this input."
  said["state"] = "What is kept and not learned, for this input."
  said["multiply_adds"] = "How many multiply-adds one sample takes in a forward pass."
  said["memory"] = "The bytes needed for a batch, as planned."
  said["traits"] = "What chains may do with this layer."
  said["plan"] = "The plan of this layer and of all below it."
  said["forward"] = "Writes all of y, the output for the batch x; see layers/layer.hpp."
  said["backward"] = "Writes dx and the parameters' gradients, given dy; see layers/layer.hpp."
  said["write_onnx"] = "Writes the layer into the graph, and returns the name of its output."

  said["check"] = "@throws Error for settings that make no sense."
  said["fields"] = "Tells the type and the options; see layers/fields.hpp."
  said["settings"] = "What tells this from others of its type: a checkpoint compares it."
  said["slots"] = "How many numbers the rule keeps for each weight."
  said["update"] = "Changes a run of weights by its gradient; see optim/rule.hpp."
  said["start"] = "Where the numbers that the rule keeps begin."
  said["takes_whole"] = "Whether the rule changes this parameter as a whole; see optim/rule.hpp."
  said["scratch"] = "How many numbers the rule needs for a while to change this parameter."
  said["update_whole"] = "Changes a whole parameter by its gradient; see optim/rule.hpp."

  said["size"] = "The number of elements."
  said["empty"] = "Whether there are no elements."
  said["data"] = "The first element; the others follow it."
  said["begin"] = "The first element."
  said["end"] = "Past the last element."
  said["span"] = "All elements, one after another."
  said["shape"] = "The extents."

  said["operator=="] = "Whether both are equal in everything."
  said["operator<<"] = "Writes it in words."
  said["operator[]"] = "The element at a position, unchecked."
  said["augmentation"] = "Changes the image in place."
  said["generator"] = "Draws the image."
  said["activation"] = "The value that x becomes."
}

# The name under which the declaration on this line is in the table, or "".
function contract(line) {
  if (line ~ /operator\(\)\(TensorView<float> image, ImageContext/) return "augmentation"
  if (line ~ /operator\(\)\(Random& random, TensorView<std::uint8_t> image\)/) return "generator"
  if (line ~ /operator\(\)\(T x\) const/) return "activation"
  if (line ~ /^ *using (value_type|result_type|Scalar) = /) return "type"
  if (match(line, /operator(==|<<|\[\])/) && line !~ /return.*operator|;$/ || line ~ /operator==.*default;$/) {
    match(line, /operator(==|<<|\[\])/)
    return substr(line, RSTART, RLENGTH)
  }
  if (line !~ /^ *(\[\[[a-z:]+\]\] )*((inline|constexpr|static|const|virtual) )*[A-Za-z_:<>, ]+[*&]* [a-z_]+\(/) return ""
  if (line ~ /return [a-z_]+\(/ && line !~ /\{ return/) return ""
  sub(/\(.*/, "", line)
  sub(/.* /, "", line)
  return line in said ? line : ""
}

function is_comment(line) { return line ~ /^ *\/\/\// }

BEGIN { said["type"] = "Of the numbers." }

{
  text = $0
  gsub(/::onnx::/, "onnx::", text)  # Doxygen tells declaration from definition by it
  member = contract(text)
  if (member != "" && held ~ /^ *template </ && !is_comment(before)) {
    held = "/** " said[member] " */ " held
  } else if (member != "" && held !~ /^ *template </ && !is_comment(held)) {
    text = "/** " said[member] " */ " text
  }
  if (NR > 1) print held
  before = held
  held = text
}

END { print held }
