"""The AI core: one question, one streamed answer, whatever the provider.

Nothing heavy is imported here: the HTTP libraries come with the first request, tenacity with the first failure.
"""

from athena_lab.ai.manager import AIManager
from athena_lab.ai.observe import RequestEnded
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.prompt import Prompt, build_prompt
from athena_lab.ai.providers.registry import DEFAULT_ROWS, ProviderRow
from athena_lab.ai.types import AnalysisOptions, AnalysisRequest, AnalysisResult, ProviderStatus

__all__ = [
    "DEFAULT_ROWS",
    "AIManager",
    "AnalysisOptions",
    "AnalysisRequest",
    "AnalysisResult",
    "PipelineOptions",
    "Prompt",
    "ProviderRow",
    "ProviderStatus",
    "RequestEnded",
    "build_prompt",
]
