// SPDX-License-Identifier: Apache-2.0
// NumPy arrays that share the library's memory, and arguments that may be anything like an array.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "gnomon/tensor/tensor.h"
#include "gnomon/tensor/view.h"

namespace gnomon::python {

namespace nb = nanobind;

template <class T, int n_axis>
using Array = nb::ndarray<nb::numpy, T, nb::ndim<n_axis>>;

// What keeps memory alive for as long as an array of it lives: a copy of a value that shares
// ownership, such as a shared_ptr or a Model.
template <class Owner>
nb::capsule keep_alive(Owner owner) {
  return {new Owner(std::move(owner)),
          [](void* held) noexcept { delete static_cast<Owner*>(held); }};
}

// Row-major numbers at `data` as an array, without a copy.
template <class T>
nb::object shared_array(T* data, const std::vector<Index>& shape, const nb::object& owner) {
  const std::vector<std::size_t> sizes(shape.begin(), shape.end());
  return nb::cast(nb::ndarray<nb::numpy, T>(data, sizes.size(), sizes.data(), owner));
}

// An array that takes the numbers over, without a copy.
template <class T>
nb::object owned_array(std::vector<T> values, const std::vector<Index>& shape) {
  auto held = std::make_shared<std::vector<T>>(std::move(values));
  T* data = held->data();
  return shared_array(data, shape, keep_alive(std::move(held)));
}
template <class T>
nb::object owned_array(std::vector<T> values) {
  const std::vector<Index> shape = {static_cast<Index>(values.size())};
  return owned_array(std::move(values), shape);
}
template <class T>
nb::object owned_array(Tensor<T> tensor) {
  auto held = std::make_shared<Tensor<T>>(std::move(tensor));
  T* data = held->data();
  const std::vector<Index> shape = held->shape();
  return shared_array(data, shape, keep_alive(std::move(held)));
}

// Read-only arrays of a member of a Python object, which they keep alive.
template <class T>
Array<const T, 1> member_array(const std::vector<T>& values, nb::handle object) {
  return {values.data(), {values.size()}, object};
}
template <class T>
Array<const T, 2> member_array(const Tensor<T>& tensor, nb::handle object) {
  const MatrixView<const T> matrix = tensor.matrix();
  return {matrix.data,
          {static_cast<std::size_t>(matrix.rows), static_cast<std::size_t>(matrix.cols)},
          object};
}

// An argument as contiguous numbers: an array that is one already is used where it is, anything
// else goes through numpy.asarray.
template <class T, int n_axis>
struct ArrayArgument {
  nb::ndarray<const T, nb::ndim<n_axis>, nb::c_contig, nb::device::cpu> array;

  std::span<const T> span() const { return {array.data(), array.size()}; }
  std::vector<T> vector() const { return {array.data(), array.data() + array.size()}; }
  MatrixView<const T> matrix() const {
    return {array.data(), static_cast<Index>(array.shape(0)), static_cast<Index>(array.shape(1))};
  }
};

using Numbers = ArrayArgument<double, 1>;
using NumberRows = ArrayArgument<double, 2>;
using Integers = ArrayArgument<Index, 1>;

// numpy.asarray(values, dtype, order="C"), refusing what is not numbers of that kind: a float is no
// index. A null object where NumPy cannot, with no error set.
nb::object contiguous_array(nb::handle values, const char* dtype) noexcept;

template <class T>
const char* dtype_name() {
  if constexpr (std::is_same_v<T, double>) return "float64";
  if constexpr (std::is_same_v<T, float>) return "float32";
  if constexpr (std::is_same_v<T, Index>) return "int64";
}

}  // namespace gnomon::python

namespace nanobind::detail {

template <class T, int n_axis>
struct type_caster<gnomon::python::ArrayArgument<T, n_axis>> {
  using Argument = gnomon::python::ArrayArgument<T, n_axis>;
  NB_TYPE_CASTER(Argument, const_name("numpy.typing.ArrayLike"))

  bool from_python(handle source, std::uint32_t flags, cleanup_list* cleanup) noexcept {
    make_caster<decltype(value.array)> caster;
    constexpr auto kNoConversion = ~static_cast<std::uint32_t>(cast_flags::convert);
    if (!caster.from_python(source, flags & kNoConversion, cleanup)) {
      const object converted =
          gnomon::python::contiguous_array(source, gnomon::python::dtype_name<T>());
      if (!converted.is_valid()) return false;
      if (!caster.from_python(converted, flags & kNoConversion, cleanup)) return false;
    }
    value.array = std::move(caster.value);
    return true;
  }
};

}  // namespace nanobind::detail
