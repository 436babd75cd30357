"""Descriptions of a photo as users would type them in English and Russian.

The words are in `places`, `poses`, `colours`, `clothes`, `persons` and `fillers`; `facts` chooses what to say,
`english` and `russian` say it, `keyboard` types it. `SYNONYMS` gathers all surface phrases under their canonical names.
These modules are outside the hash in the manifest of rendered photos, because words do not change a photo.
"""

from trainer.synthetic.phrasing.facts import Facts, phrase_facts
from trainer.synthetic.phrasing.saying import as_typed, phrase, say
from trainer.synthetic.phrasing.synonyms import SYNONYMS, alternatives, worn

__all__ = ["SYNONYMS", "Facts", "alternatives", "as_typed", "phrase", "phrase_facts", "say", "worn"]
