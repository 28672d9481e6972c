#include <iostream>

bool baseline_unit();
bool avx2_unit();

int main() {
  const bool baseline = baseline_unit();
  const bool avx2 = !__builtin_cpu_supports("avx2") || avx2_unit();
  std::cout << "baseline " << baseline << ", AVX2 " << avx2 << '\n';
  return baseline && avx2 ? 0 : 1;
}
