// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/verdict_study.h"

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

template <class T>
void write_into_neuron(const ReportModel<T>& model, const VerdictOptions& options,
                       VerdictStudy& study) {
  PatchStudyOptions patch;
  patch.target = options.target;
  patch.n_control = options.n_control;
  patch.bootstrap = options.bootstrap;
  patch.seed = options.seed;
  patch.progress = options.progress;
  try {
    study.patch = study_patches<T>(model, patch);
    study.checks = study.patch->checks;
  } catch (const ArgumentError& error) {
    if (error.code() != ErrorCode::wrong_site && error.code() != ErrorCode::bad_data) throw;
    study.no_patch =
        error.code() == ErrorCode::wrong_site ? NoPatch::unreachable : NoPatch::constant;
    study.why_no_patch = error.what();
  }
}

template <class T>
void move_stream(const ReportModel<T>& model, const VerdictOptions& options, VerdictStudy& study) {
  DirectionPatchOptions direction;
  direction.target = options.target;
  direction.bootstrap = options.bootstrap;
  direction.seed = options.seed;
  try {
    study.direction = patch_read_direction<T>(model, direction);
    study.checks.push_back(study.direction->check);
  } catch (const ArgumentError& error) {
    if (error.code() != ErrorCode::wrong_site && error.code() != ErrorCode::bad_data) throw;
    study.why_no_direction = error.what();
  }
}

}  // namespace

template <class T>
VerdictStudy study_verdict(const ReportModel<T>& trained, const ReportModel<T>& start,
                           const StudyData& after, const StudyData& before,
                           const ReporterEvaluation& evaluation, const ActivationDrift& drift,
                           const VerdictOptions& options) {
  VerdictStudy study;
  write_into_neuron(trained, options, study);
  move_stream(trained, options, study);
  study.weights_options = options.weights;
  study.weights_options.seed = options.seed;
  study.weights_options.level = options.bootstrap.level;
  study.weights =
      analyse_weights<T>(trained, start, options.target, after, before, study.weights_options);
  study.verdict = judge({evaluation, drift, study.weights, study.patch, study.no_patch,
                         study.why_no_patch, study.direction, study.why_no_direction});
  return study;
}

template VerdictStudy study_verdict(const ReportModel<float>&, const ReportModel<float>&,
                                    const StudyData&, const StudyData&, const ReporterEvaluation&,
                                    const ActivationDrift&, const VerdictOptions&);
template VerdictStudy study_verdict(const ReportModel<double>&, const ReportModel<double>&,
                                    const StudyData&, const StudyData&, const ReporterEvaluation&,
                                    const ActivationDrift&, const VerdictOptions&);

}  // namespace gnomon
