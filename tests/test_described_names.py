"""Every function and class of the described system is where that system's scripts import it from.

Left out are its web application and the private helpers that its description names, such as the
adapters' ``_get_layer_module``.
"""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

HOOK_MIXIN = {
    "make_extraction_hook": ("layer_name",),
    "make_mask_hook": ("layer_name", "mask"),
    "set_mask": ("layer_name",),
    "get_mask": ("layer_name",),
    "clear_mask": ("layer_name",),
    "clear_masks": (),
    "get_activations": (),
    "get_activation": ("layer_name",),
    "clear_activations": (),
    "remove_hooks": (),
    "add_handle": ("handle",),
    "num_hooks": None,
}
ADAPTER = {
    "model_type": None,
    "resolution": None,
    "num_classes": None,
    "hookable_layers": None,
    "forward": ("x", "sigma", "class_labels"),
    "register_activation_hooks": ("layer_names", "hook_fn"),
    "get_layer_shapes": (),
    "from_checkpoint": ("checkpoint_path", "device"),
    "get_default_config": (),
    "to": ("device",),
    "eval": (),
}
BUILT_IN = {
    **HOOK_MIXIN,
    **ADAPTER,
    "from_checkpoint": ("checkpoint_path", "device", "label_dropout"),
}

# the parameters that a module's function takes, in the order described; None for a property
FUNCTIONS = {
    "core.extractor": {
        "flatten_activations": ("activations",),
        "load_activations": ("activation_path",),
        "convert_to_fast_format": ("npz_path", "output_path", "layers"),
        "load_fast_activations": ("npy_path", "mmap_mode"),
    },
    "core.masking": {
        "load_activation_from_npz": ("npz_path", "layer_name"),
        "compute_mask_dict": ("activations", "neighbor_indices", "layer_shapes", "layers"),
        "unflatten_activation": ("flat_activation", "target_shape"),
    },
    "core.generator": {
        "tensor_to_uint8_image": ("tensor",),
        "get_denoising_sigmas": ("num_steps", "sigma_max", "sigma_min", "rho"),
        "generate_with_mask": (
            "adapter",
            "masker",
            "class_label",
            "conditioning_sigma",
            "num_samples",
            "device",
            "seed",
        ),
        "generate_with_mask_multistep": (
            "adapter",
            "masker",
            "class_label",
            "num_steps",
            "mask_steps",
            "sigma_max",
            "sigma_min",
            "rho",
            "guidance_scale",
            "stochastic",
            "noise_mode",
            "num_samples",
            "device",
            "seed",
            "extract_layers",
            "return_trajectory",
            "return_intermediates",
            "return_noised_inputs",
        ),
        "save_generated_sample": ("image", "activations", "metadata", "output_dir", "sample_id"),
        "infer_layer_shape": ("adapter", "layer_name", "device"),
    },
    "adapters.registry": {
        "register_adapter": ("name",),
        "get_adapter": ("name",),
        "list_adapters": (),
        "discover_adapters": (),
        "register_adapter_class": ("name", "cls"),
        "unregister_adapter": ("name",),
    },
    "processing.umap": {
        "load_dataset_activations": (
            "activation_dir",
            "metadata_path",
            "max_samples",
            "batch_size",
            "low_memory",
            "use_mmap",
        ),
        "compute_umap": (
            "activations",
            "n_neighbors",
            "min_dist",
            "metric",
            "n_components",
            "random_state",
            "normalize",
            "pca_components",
        ),
        "save_embeddings": (
            "embeddings",
            "metadata_df",
            "output_path",
            "umap_params",
            "reducer",
            "scaler",
            "pca_reducer",
        ),
    },
    "processing.umap_backend": {
        "get_umap_class": (),
        "get_knn_class": (),
        "to_gpu_array": ("data",),
        "to_numpy": ("data",),
        "get_backend_name": (),
    },
    "data.class_labels": {
        "get_data_dir": (),
        "load_class_labels": ("labels_path",),
        "get_class_name": ("class_id", "labels_path"),
        "load_class_labels_map": ("labels_path",),
        "load_imagenet64_to_standard_mapping": ("imagenet64_path", "standard_path"),
        "remap_imagenet64_labels_to_standard": ("labels",),
    },
    "utils.device": {
        "get_device": ("prefer_device",),
        "get_device_info": ("device",),
        "move_to_device": ("model", "device"),
    },
}
CLASSES = {
    ("core.extractor", "ActivationExtractor"): {
        "__init__": ("adapter", "layers"),
        "register_hooks": (),
        "remove_hooks": (),
        "clear": (),
        "get_activations": (),
        "save": ("output_path", "metadata"),
    },
    ("core.masking", "ActivationMasker"): {
        "__init__": ("adapter",),
        "set_mask": ("layer_name", "activation"),
        "clear_mask": ("layer_name",),
        "clear_masks": (),
        "register_hooks": ("layers",),
        "remove_hooks": (),
    },
    ("data.r2_cache", "R2DataStore"): {
        "__init__": ("bucket",),
        "enabled": None,
        "list_objects": ("prefix",),
        "file_exists": ("key",),
        "download_file": ("key", "local_path"),
        "download_prefix": ("prefix", "local_dir", "exclude_dirs", "max_workers"),
        "download_model_data": ("model", "local_dir"),
    },
    ("data.r2_cache", "R2LayerCache"): {
        "__init__": ("bucket",),
        "enabled": None,
        "_key": ("model", "layer", "ext"),
        "layer_exists": ("model", "layer"),
        "download_layer": ("model", "layer", "local_dir"),
        "upload_layer": ("model", "layer", "local_dir"),
        "upload_layer_async": ("model", "layer", "local_dir"),
    },
    ("adapters.base", "GeneratorAdapter"): ADAPTER,
    ("adapters.hooks", "HookMixin"): HOOK_MIXIN,
    ("adapters.dmd2_imagenet", "DMD2ImageNetAdapter"): BUILT_IN,
    ("adapters.edm_imagenet", "EDMImageNetAdapter"): {
        **BUILT_IN,
        "sample": (
            "num_samples",
            "class_label",
            "num_steps",
            "sigma_max",
            "sigma_min",
            "rho",
            "S_churn",
            "S_min",
            "S_max",
            "S_noise",
            "device",
        ),
    },
}


def parameters_of(function: object) -> tuple[str, ...]:
    assert callable(function)
    names = inspect.signature(function).parameters
    return tuple(name for name in names if name != "self")


@pytest.mark.parametrize("module", FUNCTIONS)
def test_functions(module: str) -> None:
    imported = import_module(f"diffviews_desktop.{module}")
    for name, parameters in FUNCTIONS[module].items():
        taken = parameters_of(getattr(imported, name))
        assert taken[: len(parameters)] == parameters, name


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_classes(module: str, name: str) -> None:
    described = getattr(import_module(f"diffviews_desktop.{module}"), name)
    for member, parameters in CLASSES[module, name].items():
        if parameters is None:
            assert isinstance(inspect.getattr_static(described, member), property), member
        else:
            taken = parameters_of(getattr(described, member))
            assert taken[: len(parameters)] == parameters, member


def test_the_root_passes_on_how_adapters_are_found() -> None:
    import diffviews_desktop

    for name in ("get_adapter", "list_adapters", "register_adapter"):
        assert getattr(diffviews_desktop, name).__module__ == "diffviews_desktop.adapters.registry"
    assert diffviews_desktop.GeneratorAdapter.__module__ == "diffviews_desktop.adapters.base"


@pytest.mark.parametrize("module", ["core.extractor", "processing.umap"])
def test_what_is_not_described_is_not_there(module: str) -> None:
    imported = import_module(f"diffviews_desktop.{module}")
    with pytest.raises(AttributeError, match=f"module 'diffviews_desktop.{module}' has no attrib"):
        _ = imported.load_everything
