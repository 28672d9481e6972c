"""Conan 2 recipe of the repository that it lies in: conan create packaging/conan

A program then says find_package(nn) and links nn::nn, with the options zlib and json nn::zlib and
nn::json as well.
"""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load

required_conan_version = ">=2.0"


class NnConan(ConanFile):
    name = "nn"
    description = "A header-only C++20 library for training and running neural networks on CPUs"
    license = "MIT"
    topics = ("neural-network", "deep-learning", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"openmp": [True, False], "zlib": [True, False], "json": [True, False]}
    default_options = {"openmp": True, "zlib": False, "json": False}
    no_copy_source = True

    @property
    def _repository(self):
        return os.path.join(self.recipe_folder, os.pardir, os.pardir)

    def set_version(self):
        header = load(self, os.path.join(self._repository, "include/nn/core/version.hpp"))
        self.version = self.version or re.search(r'return "([0-9.]+)"', header).group(1)

    def export_sources(self):
        copy(self, "LICENSE", self._repository, self.export_sources_folder)
        copy(self, "include/nn/*.hpp", self._repository, self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/3.4.0", transitive_headers=True)
        if self.options.zlib:
            self.requires("zlib/[>=1.2.11 <2]", transitive_headers=True)
        if self.options.json:
            self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=True)

    def package_id(self):
        # The headers are the same for every setting; the options say what they are used with.
        self.info.settings.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "include/nn/*.hpp", self.source_folder, self.package_folder)

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "nn")
        self.cpp_info.set_property("pkg_config_name", "none")
        core = self._component("core", "nn::nn", ["eigen::eigen"])
        core.set_property("pkg_config_name", "nn")
        if self.options.openmp and self.settings.compiler in ("gcc", "clang"):
            core.cxxflags = ["-fopenmp"]
            core.exelinkflags = ["-fopenmp"]
            core.sharedlinkflags = ["-fopenmp"]
        if self.options.zlib:
            self._component("zlib", "nn::zlib", ["core", "zlib::zlib"])
        if self.options.json:
            self._component("json", "nn::json", ["core", "nlohmann_json::nlohmann_json"])

    def _component(self, name, target, requires):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", target)
        component.requires = requires
        component.bindirs = []
        component.libdirs = []
        return component
