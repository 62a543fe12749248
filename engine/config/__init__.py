"""Session configs: TOML in, validated models out, every mistake told at once with its place."""

from engine.config.fields import TRADING
from engine.config.models import AccountConfig, BinanceConfig, FeatureConfig, FillsConfig, RiskConfig, StrategyConfig
from engine.config.session import SessionConfig, find_config, load_config, parse_config

__all__ = [
    "TRADING",
    "AccountConfig",
    "BinanceConfig",
    "FeatureConfig",
    "FillsConfig",
    "RiskConfig",
    "SessionConfig",
    "StrategyConfig",
    "find_config",
    "load_config",
    "parse_config",
]
