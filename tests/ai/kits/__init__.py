"""Recordings of the seven providers, for the suite that any wire and row must pass."""

from __future__ import annotations

from tests.ai.kits.anthropic import CLAUDE
from tests.ai.kits.chat import CHAT_KITS
from tests.ai.kits.gemini import GEMINI_KIT
from tests.ai.kits.responses import OPENAI_KIT

KITS = {
    "claude": CLAUDE,
    "openai": OPENAI_KIT,
    "deepseek": CHAT_KITS["deepseek"],
    "gemini": GEMINI_KIT,
    "mistral": CHAT_KITS["mistral"],
    "groq": CHAT_KITS["groq"],
    "local": CHAT_KITS["local"],
}
