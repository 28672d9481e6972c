// What tests/compile_budget compares the ten lines with: a product and two decompositions by Eigen.
// It shares nothing with the library, and must stay as it is.
#include <Eigen/Dense>
#include <iostream>

int main() {
  const Eigen::MatrixXd a = Eigen::MatrixXd::Random(40, 30);
  const Eigen::MatrixXd square = a.transpose() * a;
  const Eigen::VectorXd right = a.row(0);
  std::cout << square.partialPivLu().solve(right).norm() << '\n'
            << a.householderQr().solve(a.col(0)).norm() << '\n';
}
