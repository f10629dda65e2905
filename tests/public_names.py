"""The public names of the package and of each room; :mod:`tests.test_public_api` holds the package to them."""

PUBLIC = {
    "": """
        Channel ConstraintTerm Conventions Data FitOptions FitResult Function GoodnessOfFit HistoSys HypoTestResult
        Impacts Lumi Measurement Model NormFactor NormSys PYHF ParameterConfig PatchSet ProfileScan ROOT Report
        Results Sample ShapeFactor ShapeSys Significance StatError ToyLimitResult ToySignificance ToyTestResult
        UpperLimitResult Workspace Yields asimov_data batch bundle check combine compile_model crosscheck diff
        difference digest doctor download editing expected_yields fit fitted_yields formats from_hist goodness_of_fit
        hepdata hypotest impacts inference inspect likelihood patchset_create patchset_scan plots profile_interval
        profile_scan prune pulls read read_patchset read_results rename report reproduce results signal_grid
        significance simplemodels sort strip tensors to_jax to_torch toy_limit toy_significance toy_test toys
        translation upper_limit workspace write
    """,
    "batch": """
        BatchOptions Failed Journal Progress executor_of fingerprint run_kept run_many silent
    """,
    "cli": """
        cli main run
    """,
    "cli.options": """

    """,
    "crosscheck": """
        Case CaseResult Report Results RootInstallation crosscheck crosscheck_model demonstrate find_root index_html
        read_cases read_results read_through_root report_html report_markdown results root_results run_cases write_html
        write_markdown
    """,
    "difference": """
        Difference Item LikelihoodComparison cls_difference difference difference_of_translation document
        likelihood_differences likelihoods proof proven text
    """,
    "display": """
        csv_cell csv_text html markdown markdown_code terminal terminal_lines
    """,
    "doctor": """
        Diagnosis Finding Place SEVERITIES SampleVariation Severity Systematics at_least diagnose document
        findings_table found summary summary_document summary_text systematics text worst
    """,
    "editing": """
        Join Negligible Places PruningEffect combine consequences negligible prune prune_negligible pruned_document
        pruned_text pruning_effects rename set_aside sort strip
    """,
    "formats": """
        FORMATS FormatName Outcome apply_patch dump_json parse_json which_format write_files write_together
    """,
    "formats.histfactory_xml": """
        AttributeFate FATES XmlModel XmlOptions interpret read read_accounted read_back render steps table write
        write_model
    """,
    "formats.pyhf_json": """
        JSON KnownSamples T TO_PYHF VERSION from_document known_samples to_document
    """,
    "formats.hs3": """
        MISREAD TARGETS Target from_document to_document to_hs3_steps
    """,
    "formats.root_histograms": """
        Histogram HistogramFiles write_histograms
    """,
    "formats.root_workspace": """
        Contents MEASUREMENT Space carries_code contents contents_document contents_text read snapshot
    """,
    "formats.schemas": """
        violation
    """,
    "hepdata": """
        CheckReport Hints Limits MoreTables Record Region Reproduced Resource Rules Submission check check_document
        check_html check_text download download_archive download_document make_bundle pack read_description read_record
        read_region reproduce reproduce_record submission_of unpack write_bundle
    """,
    "inference": """
        FitOptions FitResult GoodnessOfFit HypoTestResult Impacts Minimum ProfileScan Significance TestStat
        UpperLimitResult asimov_data fit fitted_yields goodness_of_fit hypotest impacts minimize profile_interval
        profile_scan pulls significance upper_limit with_points
    """,
    "likelihood": """
        ChannelYields Data Model Yields compile_model expected_yields restricted
    """,
    "plots": """
        ContourOptions PlotOptions PullOptions STYLES StackOptions brazil contour correlations impacts interpolation
        limit limit_band pages picture pull_pages pulls save save_pages scan template_pages templates toys yields
    """,
    "pyhf": """
        Model PatchSet Workspace compat exceptions get_backend infer optimize probability schema set_backend
        simplemodels tensor utils
    """,
    "pyhf.contrib": """
        utils viz
    """,
    "pyhf.contrib.viz": """
        brazil
    """,
    "pyhf.infer": """
        calculators hypotest intervals mle test_statistics utils
    """,
    "pyhf.infer.intervals": """
        upper_limits upperlimit
    """,
    "report": """
        Subject report report_page systematics_page
    """,
    "signal_grid": """
        Background FailedPoint Patch PatchSet Point PointNames Scan ScanSettings Signal Slice changes contour_document
        contour_lines create digest read_background read_patchset read_signal same_model scan summary_text
        surface take_slice
    """,
    "tensors": """
        Density TensorLikelihood fit_many templates_of to_jax to_torch with_templates
    """,
    "toys": """
        KeptToys ToyLimitResult ToyOptions ToySample ToySignificance ToyTestResult Toys fit_toys kept_results
        kept_toys merged sample_toys toy_limit toy_significance toy_test
    """,
    "translation": """
        JsonTranslation Loaded Verification XmlTranslation apply_sidecar as_json canonical_digest digest load
        make_sidecar pyhf_digest read sidecar_path to_hs3 to_pyhf_json to_xml verify_file verify_json
        with_expected_data write write_json write_xml
    """,
    "workspace": """
        Annotations BinConstraint BinUncertainty CONVENTIONS Channel ConstraintTerm Conventions DeclaredParameter
        Expression Function HistoSys HistoSysCode Lumi MODIFIER_TYPES Measurement Modifier NormFactor NormSys
        NormSysCode Number Numbers PYHF ParameterConfig ParameterSet ROOT Sample ShapeFactor ShapeSys StatError
        TermKind Workspace bin_labels declared_parameters from_hist is_number observations parameter_sets
        parse_expression simplemodels stacked with_observations
    """,
}
